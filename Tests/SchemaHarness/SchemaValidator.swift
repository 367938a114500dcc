import Basics
import Foundation

/// Runs Python's `jsonschema` over many files at once.
package struct SchemaValidator {
  var schema: JSON

  package init(schema: JSON) { self.schema = schema }

  static let python = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"

  package static let isThere: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", "import jsonschema"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }  // no interpreter: the suite is skipped
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  struct Failure: Error {
    var message: String
  }

  /// For each file the validator's first message; empty when the file is accepted.
  package func verdicts(_ files: [String: JSON]) throws -> [String: String] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("schema-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // A leftover folder in the temporary directory harms nobody.
    defer { try? FileManager.default.removeItem(at: folder) }
    let input: JSON = ["schema": schema, "files": .object(files)]
    try Data(input.canonical.utf8).write(to: folder.appendingPathComponent("input.json"))
    let script = """
      import json, sys, jsonschema
      data = json.load(open(sys.argv[1]))
      jsonschema.Draft7Validator.check_schema(data["schema"])
      validator = jsonschema.Draft7Validator(data["schema"])
      result = {}
      for name, value in data["files"].items():
          error = jsonschema.exceptions.best_match(validator.iter_errors(value))
          result[name] = "" if error is None else f"{error.json_path}: {error.message[:200]}"
      json.dump(result, open(sys.argv[2], "w"))
      """
    try Data(script.utf8).write(to: folder.appendingPathComponent("validate.py"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      SchemaValidator.python, "\(folder.path)/validate.py", "\(folder.path)/input.json", "\(folder.path)/output.json",
    ]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let message = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(message: String(decoding: message, as: UTF8.self)) }
    let output = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/output.json")))
    return (output.objectValue ?? [:]).compactMapValues(\.stringValue)
  }
}
