import Basics
import Foundation

/// A runner in a process of its own.
final class ProbeRun {
  private let process = Process()
  private let log: String

  init(_ arguments: [String], environment: [String: String], log: String, shell: String? = nil) throws {
    self.log = log + "-\(UInt32.random(in: 0 ... .max))"
    process.executableURL = URL(fileURLWithPath: Bench.probe)
    process.arguments = arguments
    if let shell {
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", shell + "\nexec \"$0\" \"$@\"", Bench.probe] + arguments
    }
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    _ = FileManager.default.createFile(atPath: self.log, contents: nil)
    let file = FileHandle(forWritingAtPath: self.log)
    process.standardOutput = file
    process.standardError = file
    try process.run()
  }

  var pid: pid_t { process.processIdentifier }

  struct End {
    /// Exit status, or 128 + the signal that ended the process.
    var status: Int32
    var output: String

    var events: [JSON] { output.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) } }
    func events(_ name: String) -> [JSON] { events.filter { $0["event"]?.stringValue == name } }
  }

  func wait() -> End {
    process.waitUntilExit()
    let status = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    return End(status: status, output: output)
  }

  /// What it has written so far.
  var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

  func kill(_ signal: Int32) { Foundation.kill(pid, signal) }
}
