/// Everything wrong below one node.
public struct ParameterProblems: Error, Sendable {
  public var diagnostics: [Diagnostic]
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
