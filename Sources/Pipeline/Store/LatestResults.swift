import Basics
import Foundation

/// The key that each instance of a pipeline had when it was last up to date. What `explain` compares with and what `gc`
/// keeps; losing it loses no result.
struct LatestResults: Sendable {
  let path: String
  private let store: Store
  private(set) var keys: [String: Digest]

  init(pipeline: String, store: Store) throws {
    self.store = store
    path = "\(store.root)/latest/\(fileName(for: pipeline)).json"
    keys = try Self.read(path)
  }

  /// - Throws: `StageFailure` when the file is there and cannot be read: what it names must not be taken for garbage.
  static func read(_ path: String) throws -> [String: Digest] {
    guard let data = try FileSystem.read(path) else { return [:] }
    do { return try keys(Store.readRecord(data)) } catch {
      throw StageFailure(
        "the list of the latest results, \(path), cannot be read: \(Diagnostic(error).message)",
        help: "remove the file: no result is lost, and the next run writes it anew")
    }
  }

  static func keys(_ json: JSON) throws -> [String: Digest] { try RecordFields(json).read("instances") }

  /// Writes the file when anything is new; entries of instances that are not in the pipeline now stay.
  mutating func update(_ new: [String: Digest]) throws {
    let merged = try Self.read(path).merging(new) { $1 }
    guard merged != keys || !FileSystem.exists(path) else { return }
    keys = merged
    try store.write(
      Store.encodeRecord(["format": 1, "instances": .object(merged.mapValues { .string($0.hex) })]), to: path)
  }
}
