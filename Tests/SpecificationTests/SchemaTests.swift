import Basics
import Foundation
import Pipeline
import SchemaHarness
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

  /// Maps with a tag: the fields of the case, those of any case where the tag is a `${...}` or left to a base file.
  @Test func itKnowsTheFieldsOfATag() throws {
    let schedules: [(text: JSON, isSound: Bool)] = [
      ("cosine", true), (["type": "cosine", "period": 3, "minimum": 0.5, "power": 2], true),
      (["type": "cosine", "period": "${n}"], true), (["type": "${matrix.form}", "milestones": [3], "power": 1], true),
      (["minimum": 0.5], true), (["type": "constant"], true), (["type": "steps", "milestones": []], true),
      (["type": "constant", "period": 3], false), (["type": "cosine", "power": 3], false),
      (["type": "cosine", "shape": "flat"], false), (["type": "steps", "milestones": [-1]], false),
      (["minimun": 0.5], false), (["type": "cosin"], false), ("cosin", false), (3, false),
    ]
    var files: [String: JSON] = [:]
    for (index, schedule) in schedules.enumerated() {
      files["\(index)"] = [
        "version": 1,
        "stages": [
          "train": [
            "uses": "train", "inputs": ["dataset": "a.b", "lr": "c.d"], "with": ["schedule": schedule.text],
          ]
        ],
      ]
    }
    for (index, verdict) in try SchemaTests.validator.verdicts(files) {
      let (text, isSound) = try #require(Int(index).map { schedules[$0] })
      #expect((verdict == "") == isSound, "\(text.canonical): \(verdict)")
    }
  }

  struct NotYAML: Error {}

  private func json(_ path: String) throws -> JSON {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    guard let node = YAMLReader.read(bytes, file: path).node else { throw NotYAML() }
    return node.json
  }
}
