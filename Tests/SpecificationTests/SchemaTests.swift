import Basics
import Foundation
import Pipeline
import Testing

/// The JSON Schema against files, with a real validator: Python's `jsonschema`. Set PYTHON to choose the interpreter.
@Suite(.enabled(if: SchemaValidator.isThere, "no python3 with the jsonschema package; set PYTHON"))
struct SchemaTests {
  static let validator = SchemaValidator(schema: JSONSchema.schema(of: TestCatalogue.catalogue))

  @Test func itIsASchema() throws {
    #expect(try SchemaTests.validator.verdicts(["schema": ["version": 1, "stages": [:]]])["schema"] != nil)
  }

  @Test func itAcceptsSoundFiles() throws {
    var files: [String: JSON] = [:]
    for name in ["full.yaml", "ablations/normals.yaml"] { files[name] = try json("\(testFolder)/Good/\(name)") }
    for (name, verdict) in try SchemaTests.validator.verdicts(files) {
      #expect(verdict == "", "\(name): \(verdict)")
    }
  }

  /// Cases with the comment `# schema: rejects` break the structure; the others break what a schema cannot say.
  @Test func itRejectsTheStructuralPartOfTheCorpus() throws {
    var marked: [String: JSON] = [:]
    var others: [String: JSON] = [:]
    for name in CorpusTests.cases {
      let path = "\(CorpusTests.folder)/\(name)"
      let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
      guard let json = try? json(path) else { continue }  // not YAML at all: no editor gets as far as the schema
      if text.contains("# schema: rejects") { marked[name] = json } else { others[name] = json }
    }
    #expect(marked.count >= 50)
    for (name, verdict) in try SchemaTests.validator.verdicts(marked) {
      #expect(verdict != "", "the schema accepts \(name)")
    }
    // Keeps the marks honest: what the schema rejects must be marked, so that every case is counted.
    for (name, verdict) in try SchemaTests.validator.verdicts(others) {
      #expect(verdict == "", "\(name) is rejected and not marked: \(verdict)")
    }
  }

  struct NotYAML: Error {}

  private func json(_ path: String) throws -> JSON {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    guard let node = YAMLReader.read(bytes, file: path).node else { throw NotYAML() }
    return node.json
  }
}

/// Runs Python's `jsonschema` over many files at once.
struct SchemaValidator {
  var schema: JSON

  static let python = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"

  static let isThere: Bool = {
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
  func verdicts(_ files: [String: JSON]) throws -> [String: String] {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let input: JSON = ["schema": schema, "files": .object(files)]
    try folder.write(input.canonical, to: "input.json")
    try folder.write(
      """
      import json, sys, jsonschema
      data = json.load(open(sys.argv[1]))
      jsonschema.Draft7Validator.check_schema(data["schema"])
      validator = jsonschema.Draft7Validator(data["schema"])
      result = {}
      for name, value in data["files"].items():
          error = jsonschema.exceptions.best_match(validator.iter_errors(value))
          result[name] = "" if error is None else f"{error.json_path}: {error.message[:200]}"
      json.dump(result, open(sys.argv[2], "w"))
      """, to: "validate.py")
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
