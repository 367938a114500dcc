import Basics
import Foundation
import Pipeline
import Testing

/// This folder.
let testFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path

/// Reads a pipeline written in the test itself.
func load(
  _ text: String, overrides: [String] = [], profile: String? = nil, others: [String: String] = [:]
) throws -> ResolvedPipeline {
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  for (name, text) in others.merging(["test.yaml": text], uniquingKeysWith: { first, _ in first }) {
    try folder.write(text, to: name)
  }
  return try Specification.load(
    file: "test.yaml", overrides: overrides, profile: profile, catalogue: TestCatalogue.catalogue,
    directory: folder.path)
}

/// The rendered errors of a pipeline written in the test; empty when it is sound.
func problems(
  _ text: String, overrides: [String] = [], profile: String? = nil, others: [String: String] = [:]
) throws -> String {
  do {
    _ = try load(text, overrides: overrides, profile: profile, others: others)
    return ""
  } catch let errors as SpecificationErrors {
    return DiagnosticRenderer(sources: errors.sources).render(errors.diagnostics)
  }
}

/// A folder that lives for one test.
struct TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("spec-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func write(_ text: String, to name: String) throws {
    let url = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  /// Best effort: a leftover folder in the temporary directory harms nobody.
  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
