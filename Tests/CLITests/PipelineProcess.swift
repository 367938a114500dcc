import Foundation

/// The built `pipeline` command, run as a user would run it, in a folder of its own.
struct PipelineProcess {
  /// Beside the test bundle; the tests are built together with it.
  static let executable: URL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("pipeline")

  /// The repository's own pipeline files.
  static let pipelines: URL = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("pipelines")

  let folder: URL

  /// Makes a temporary folder with a store of its own.
  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("pipeline-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent(".pipeline"), withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }  // a folder left in /tmp fails no test

  func write(_ text: String, to name: String) throws {
    try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
  }

  func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: folder.path + "/" + path) }

  struct Result {
    var code: Int32
    var output: String
    var errors: String
  }

  /// Runs to the end.
  /// - Parameter environment: added to a small fixed one.
  @discardableResult
  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
    let (process, output, errors) = try started(arguments, environment)
    process.waitUntilExit()
    return Result(code: process.terminationStatus, output: text(output), errors: text(errors))
  }

  /// Starts a run and leaves it to the caller.
  func start(_ arguments: String...) throws -> Process { try started(arguments).0 }

  /// Starts a run, and tells where its standard output goes.
  func startReading(_ arguments: String...) throws -> (process: Process, output: URL) {
    let (process, output, _) = try started(arguments)
    return (process, output)
  }

  private func started(_ arguments: [String], _ environment: [String: String] = [:]) throws -> (Process, URL, URL) {
    let process = Process()
    process.executableURL = Self.executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "LANG": "C.UTF-8"]
      .merging(environment) { $1 }
    let output = folder.appendingPathComponent("out-\(UUID().uuidString)")
    let errors = folder.appendingPathComponent("err-\(UUID().uuidString)")
    for url in [output, errors] { _ = FileManager.default.createFile(atPath: url.path, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return (process, output, errors)
  }

  private func text(_ url: URL) -> String {
    String(decoding: FileManager.default.contents(atPath: url.path) ?? Data(), as: UTF8.self)
  }

  /// Steps of training reported so far by the newest run; 0 before the first.
  func trainingSteps() -> Int {
    let runs = folder.path + "/.pipeline/runs"
    guard let newest = try? FileManager.default.contentsOfDirectory(atPath: runs).max() else { return 0 }
    guard let data = FileManager.default.contents(atPath: "\(runs)/\(newest)/events.jsonl") else { return 0 }
    var steps = 0
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.contains(#""unit":"steps""#) {
      guard let range = line.range(of: #""done":"#) else { continue }
      steps = max(steps, Int(line[range.upperBound...].prefix { $0.isNumber }) ?? 0)
    }
    return steps
  }

  /// Process ids of the workers that a runner started.
  static func workers(of runner: Int32) -> [Int32] {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.compactMap(Int32.init).filter { id in
      guard let status = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
        let end = status.lastIndex(of: ")"), !status.contains("(fork-server)")
      else { return false }
      let fields = status[status.index(after: end)...].split(separator: " ")
      return fields.count > 1 && fields[1] == "\(runner)"
    }
  }
}
