/// A training run that cannot go on: what is wrong and where.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
