/// A JSON record that does not hold what its reader needs: which field, and why.
public struct RecordProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// From the top of the record, such as `["samples", "[3]", "source"]`.
  public private(set) var path: [String]
  public var reason: String

  public init(_ reason: String, path: [String] = []) {
    self.reason = reason
    self.path = path
  }

  /// The field as one word: `samples[3].source`; empty for the record as a whole.
  public var field: String { path.reduce("") { $0 + ($1.hasPrefix("[") || $0.isEmpty ? $1 : "." + $1) } }

  public var description: String { path.isEmpty ? reason : "`\(field)` \(reason)" }

  /// Runs a reader of the value that lies at `name`; what it throws names its place from here.
  static func at<Value>(_ name: @autoclosure () -> String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let problem as RecordProblem {
      throw RecordProblem(problem.reason, path: [name()] + problem.path)
    }
  }
}
