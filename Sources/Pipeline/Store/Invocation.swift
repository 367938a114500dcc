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
    // One that cannot be read is written anew.
    if (try? lastInvocation()) == invocation { return }
    let json: JSON = [
      "pipeline": .string(invocation.pipeline), "file": .string(FileSystem.absolute(invocation.file)),
      "set": .array(invocation.overrides.map(JSON.string)), "profile": invocation.profile.map(JSON.string) ?? .null,
    ]
    try write(Data((json.pretty + "\n").utf8), to: invocationPath, sync: .bytes)
  }

  /// - Throws: `StageFailure` when the record is there and cannot be read.
  public func lastInvocation() throws -> Invocation? {
    guard let data = try FileSystem.read(invocationPath) else { return nil }
    do {
      let fields = try RecordFields(JSON(parsing: data))
      return Invocation(
        pipeline: try fields.read("pipeline"), file: try fields.read("file"), overrides: try fields.read("set"),
        profile: try fields.read("profile"))
    } catch {
      throw StageFailure(
        "how the pipeline was last run cannot be read from \(invocationPath): \(Diagnostic(error).message)",
        help: "name the pipeline file on the command line; the next run writes the record anew")
    }
  }
}
