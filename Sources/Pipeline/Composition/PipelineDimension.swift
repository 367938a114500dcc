import Basics

/// One dimension of a file's variants and matrix.
public struct PipelineDimension: Hashable, Sendable {
  /// `variant`, or the name of a matrix axis.
  public var name: String
  public var values: [JSON]

  public init(name: String, values: [JSON]) {
    self.name = name
    self.values = values
  }
}
