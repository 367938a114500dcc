import Basics
import Foundation

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
