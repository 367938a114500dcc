import Basics
import Foundation
import Pipeline
import Testing

/// Broken files and the exact messages they must give. `RECORD=1` writes the messages, and the test still fails.
@Suite struct CorpusTests {
  static let folder = testFolder + "/Corpus"

  /// Files that start with `_` are bases of others.
  static let cases: [String] = {
    // An unreadable folder gives no cases, which `thereAreEnoughCases` reports.
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix("_") }.sorted()
  }()

  @Test func thereAreEnoughCases() { #expect(CorpusTests.cases.count >= 60) }

  @Test(arguments: cases) func messages(_ name: String) throws {
    let text = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: "\(CorpusTests.folder)/\(name)")), as: UTF8.self)
    let found = CorpusTests.errors(name, text)
    #expect(!found.isEmpty, "\(name) must be refused")
    let golden = URL(fileURLWithPath: "\(CorpusTests.folder)/\(name.dropLast(5)).expected")
    if ProcessInfo.processInfo.environment["RECORD"] != nil {
      try Data(found.utf8).write(to: golden)
      Issue.record("recorded \(golden.lastPathComponent)")
      return
    }
    let expected = try String(contentsOf: golden, encoding: .utf8)
    #expect(found == expected)
  }

  /// Comments `# set: …` and `# profile: …` at the head of a case stand for options of the command line.
  static func errors(_ name: String, _ text: String) -> String {
    var overrides: [String] = []
    var profile: String?
    for line in text.split(separator: "\n").prefix(while: { $0.hasPrefix("#") }) {
      if line.hasPrefix("# set: ") { overrides.append(String(line.dropFirst(7))) }
      if line.hasPrefix("# profile: ") { profile = String(line.dropFirst(11)) }
    }
    do throws(SpecificationErrors) {
      _ = try Specification.load(
        file: name, overrides: overrides, profile: profile, catalogue: TestCatalogue.catalogue, directory: folder)
      return ""
    } catch {
      return DiagnosticRenderer(sources: error.sources).render(error.diagnostics)
    }
  }
}
