import Basics

/// Everything wrong below one node.
public struct ParameterProblems: ReadableError {
  public var diagnostics: [Diagnostic]
  /// One line each.
  public var message: String { diagnostics.map(\.message).joined(separator: "\n") }
  /// That of the only problem; several helps together would not say which belongs to which.
  public var help: String? { diagnostics.count == 1 ? diagnostics[0].help : nil }
  public init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
  public init(_ message: String, at node: Node, help: String? = nil) {
    diagnostics = [Diagnostic(message, at: node.mark, help: help)]
  }

  /// The value, or nil with its problems kept, so that the next element is looked at too.
  static func collect<Value>(
    into problems: inout [Diagnostic], _ read: (Node) throws -> Value, _ node: Node
  ) throws -> Value? {
    do {
      return try read(node)
    } catch let found as ParameterProblems {
      problems += found.diagnostics
      return nil
    }
  }
}
