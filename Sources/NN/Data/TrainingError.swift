import Basics

/// A training run that cannot go on: what is wrong and where.
public struct TrainingError: ReadableError, Hashable {
  public var message: String
  public init(_ message: String) { self.message = message }
}
