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
    keys = Self.read(path)
  }

  static func read(_ path: String) -> [String: Digest] {
    guard let data = try? FileSystem.read(path), let json = Store.decodeRecord(data) else { return [:] }  // only a help
    return keys(json)
  }

  static func keys(_ json: JSON) -> [String: Digest] {
    (json["instances"]?.objectValue ?? [:]).compactMapValues { $0.stringValue.flatMap(Digest.init(hex:)) }
  }

  /// Writes the file when anything is new; entries of instances that are not in the pipeline now stay.
  mutating func update(_ new: [String: Digest]) throws {
    let merged = Self.read(path).merging(new) { $1 }
    guard merged != keys || !FileSystem.exists(path) else { return }
    keys = merged
    try store.write(
      Store.encodeRecord(["format": 1, "instances": .object(merged.mapValues { .string($0.hex) })]), to: path)
  }
}
