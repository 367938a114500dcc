import Foundation
import Testing

/// The real program, run as a user runs it.
enum Program {
  /// Beside the test bundle; named after the product, or after the target where only the target was built.
  static let url: URL = {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let product = folder.appendingPathComponent("pipeline")
    return FileManager.default.isExecutableFile(atPath: product.path)
      ? product : folder.appendingPathComponent("PipelineTool")
  }()

  struct Result {
    var code: Int32
    var output: String
    var errors: String
  }

  /// - Parameter environment: added to a small fixed one, so that the caller's terminal does not matter.
  static func run(
    _ arguments: [String], program: String? = nil, environment: [String: String] = [:], folder: URL? = nil
  ) throws -> Result {
    let process = Process()
    process.executableURL = program.map { URL(fileURLWithPath: $0) } ?? url
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": NSHomeDirectory(), "COLUMNS": "80"]
      .merging(environment) { _, new in new }
    // Files instead of pipes: nothing to drain while the process runs.
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    // A leftover folder in the temporary directory harms nobody.
    defer { try? FileManager.default.removeItem(at: place) }
    let files = ["out", "err"].map { place.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    return Result(
      code: process.terminationStatus, output: try String(contentsOf: files[0], encoding: .utf8),
      errors: try String(contentsOf: files[1], encoding: .utf8))
  }

  static func temporaryFolder() throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
  }
}

let cliTestFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
