import Foundation
import ParityHarness

/// The process in which cases run, so that a case can end only itself.
///
/// The worker's lines: `begin INDEX`, then `| TEXT` for each line of the report, then `end STATUS EXACT_SIDES`. Anything else on
/// its output or error output is what the case itself wrote, such as the message of a failed precondition.
enum Worker {
  static let flag = "--worker"

  /// In the worker: runs the cases of a range.
  static func run(
    _ runner: ParityRunner, _ range: Range<Int>, secondsEach: UInt32, reasons: Int, where isWanted: (ParityCase) -> Bool
  ) {
    // Whoever started this program may have blocked signals, which are inherited: the alarm would wait for ever.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    // Half of the machine's memory, so that a case that asks for everything fails instead of the machine.
    let half = rlim_t(ProcessInfo.processInfo.physicalMemory / 2)
    var limit = rlimit(rlim_cur: half, rlim_max: half)
    setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
    limit = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    for index in range where isWanted(runner.cases[index]) {
      say("begin \(index)")
      alarm(secondsEach)
      let report = CaseReport(runner.run(runner.cases[index]), of: runner.cases[index], reasons: reasons)
      alarm(0)
      for line in report.lines { say("| \(line.replacing("\n", with: " "))") }
      say("end \(report.status.rawValue) \(report.tookExactSides)")
    }
  }

  /// Without a buffer that would be lost with the process.
  private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

  /// Runs all cases, with a new worker after each case that ended one.
  /// - Parameters:
  ///   - command: the arguments of this program that a worker gets besides its range.
  ///   - secondsEach: how long a case may take; for the message only.
  static func runAll(
    _ cases: [ParityCase], command: [String], secondsEach: UInt32, _ body: (ParityCase, CaseReport) -> Void
  ) throws {
    var next = 0
    while next < cases.count {
      let process = Process()
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = command + [flag, "\(next)", "\(cases.count)"]
      process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      process.standardInput = FileHandle.nullDevice
      try process.run()
      var current: Int?
      var lines: [String] = []
      var said: [String] = []
      for line in LineReader(pipe.fileHandleForReading) {
        if line.hasPrefix("begin "), let index = Int(line.dropFirst(6)), cases.indices.contains(index) {
          (current, lines, said) = (index, [], [])
        } else if line.hasPrefix("| ") {
          lines.append(String(line.dropFirst(2)))
        } else if line.hasPrefix("end "), let index = current {
          let words = line.split(separator: " ")
          if words.count == 3, let status = CaseReport.Status(rawValue: String(words[1])) {
            body(cases[index], CaseReport(status: status, tookExactSides: words[2] == "true", lines: lines))
          }
          (current, next) = (nil, index + 1)
        } else if !line.isEmpty {
          said.append(line)
        }
      }
      process.waitUntilExit()
      if process.terminationReason == .exit && process.terminationStatus == 0 && current == nil { return }
      guard let index = current else {
        throw ParityToolError(
          "the worker ended with status \(process.terminationStatus): \(said.joined(separator: " "))")
      }
      let signal = process.terminationReason == .uncaughtSignal ? process.terminationStatus : 0
      let reason =
        signal == SIGALRM
        ? "took longer than \(secondsEach) s"
        : "ended the process with \(signal == 0 ? "status \(process.terminationStatus)" : "signal \(signal)")"
          + (said.last.map { ": \($0.prefix(400))" } ?? ": the library does not take these shapes or values")
      body(cases[index], CaseReport(status: .failed, lines: ["FAIL \(cases[index].id)", "     \(reason)"]))
      next = index + 1
    }
  }
}

/// What keeps the tool from running.
struct ParityToolError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// The lines of a pipe, until its other end closes.
private struct LineReader: Sequence, IteratorProtocol {
  private let handle: FileHandle
  private var rest = Data()
  private var isAtEnd = false

  init(_ handle: FileHandle) { self.handle = handle }

  mutating func next() -> String? {
    while true {
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        defer { rest = Data(rest[(end + 1)...]) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      if isAtEnd {
        defer { rest = Data() }
        return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
      }
      let more = handle.availableData
      if more.isEmpty { isAtEnd = true } else { rest.append(more) }
    }
  }
}
