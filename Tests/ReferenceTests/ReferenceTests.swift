import Basics
import Foundation
import Pipeline
import SchemaHarness
import Stages
import Testing

/// What is generated from the catalogue and committed must be fresh; `make docs` writes it. `RECORD=1` writes it too, and
/// the test still fails.
@Suite struct ReferenceTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test func theSchemaIsFresh() throws {
    try expectFresh("pipelines/schema/pipeline.schema.json", JSONSchema.schema(of: .standard).pretty + "\n")
  }

  @Test func theReferencePagesAreFresh() throws {
    let pages = ReferencePages.pages(of: .standard)
    for page in pages { try expectFresh("docs/reference/\(page.name)", page.text) }
    let folder = ReferenceTests.root.appendingPathComponent("docs/reference").path
    let committed = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".md") }
    #expect(Set(committed) == Set(pages.map(\.name)), "a page of a stage type that is gone must go too")
  }

  private func expectFresh(_ path: String, _ text: String) throws {
    let url = ReferenceTests.root.appendingPathComponent(path)
    if ProcessInfo.processInfo.environment["RECORD"] != nil {
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
      Issue.record("recorded \(path)")
      return
    }
    // A missing file reads as empty, which is stale.
    let committed = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    #expect(committed == text, "\(path) is stale: run `make docs`")
  }

  static let pipelines: [String] = {
    // A symbolic link is not listed, only what it leads to.
    let folder = root.appendingPathComponent("pipelines").resolvingSymlinksInPath().path
    // An unreadable folder gives no files, which `thePipelinesAreThere` reports.
    let files = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  @Test func thePipelinesAreThere() {
    #expect(
      Set(["full.yaml", "demo.yaml", "faces.yaml", "ablations/normals.yaml"]).isSubset(
        of: Set(ReferenceTests.pipelines)))
  }

  @Test(arguments: pipelines) func thePipelinesAreValid(_ name: String) throws {
    do throws(SpecificationErrors) {
      let pipeline = try Specification.load(
        file: "pipelines/\(name)", catalogue: .standard, directory: ReferenceTests.root.path)
      #expect(!pipeline.instances.isEmpty)
    } catch {
      Issue.record(Comment(rawValue: DiagnosticRenderer(sources: error.sources).render(error.diagnostics)))
    }
  }

  @Test(.enabled(if: SchemaValidator.isThere, "no python3 with the jsonschema package; set PYTHON"))
  func theSchemaAcceptsThePipelines() throws {
    var files: [String: JSON] = [:]
    for name in ReferenceTests.pipelines {
      let bytes = [UInt8](try Data(contentsOf: ReferenceTests.root.appendingPathComponent("pipelines/\(name)")))
      files[name] = try #require(YAMLReader.read(bytes, file: name).node).json
    }
    for (name, verdict) in try SchemaValidator(schema: JSONSchema.schema(of: .standard)).verdicts(files) {
      #expect(verdict == "", "\(name): \(verdict)")
    }
  }

  /// The starter of `pipeline init` is checked where it is written; here every stage type gets its page and its schema.
  @Test func everyStageTypeIsDescribed() {
    let list = StageDescription.list(.standard)
    for stage in StageCatalogue.standard.stages {
      #expect(list.contains(stage.type.rawValue))
      #expect(StageDescription.text(stage).contains(stage.summary))
      #expect(!stage.summary.isEmpty && stage.summary.hasSuffix("."), "\(stage.type): a summary is a sentence")
    }
  }
}
