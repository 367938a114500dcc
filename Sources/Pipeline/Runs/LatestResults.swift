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

/// How a pipeline was last run, so that `approve`, `status`, `explain` and `logs` need no file name.
public struct Invocation: Hashable, Sendable {
  public var pipeline: String
  /// Absolute path of the pipeline file.
  public var file: String
  public var overrides: [String]
  public var profile: String?

  public init(pipeline: String, file: String, overrides: [String], profile: String?) {
    self.pipeline = pipeline
    self.file = file
    self.overrides = overrides
    self.profile = profile
  }

  /// The words to repeat on a command line.
  public func arguments(file shown: String) -> String {
    var words = [shown]
    for item in overrides { words += ["--set", item] }
    if let profile { words += ["--profile", profile] }
    return words.map(shellQuoted).joined(separator: " ")
  }
}

extension Store {
  private var invocationPath: String { root + "/last.json" }

  public func remember(_ invocation: Invocation) throws {
    guard try lastInvocation() != invocation else { return }
    let json: JSON = [
      "pipeline": .string(invocation.pipeline), "file": .string(FileSystem.absolute(invocation.file)),
      "set": .array(invocation.overrides.map(JSON.string)), "profile": invocation.profile.map(JSON.string) ?? .null,
    ]
    try write(Data((json.pretty + "\n").utf8), to: invocationPath, sync: .bytes)
  }

  public func lastInvocation() throws -> Invocation? {
    guard let data = try FileSystem.read(invocationPath), let json = try? JSON(parsing: data),  // only a help
      let file = json["file"]?.stringValue
    else { return nil }
    return Invocation(
      pipeline: json["pipeline"]?.stringValue ?? "", file: file,
      overrides: (json["set"]?.arrayValue ?? []).compactMap(\.stringValue), profile: json["profile"]?.stringValue)
  }
}
