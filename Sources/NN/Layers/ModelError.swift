import Basics

/// A model that cannot be built or used as asked.
public struct ModelError: ReadableError, Hashable {
  public var message: String
  public init(_ message: String) { self.message = message }
}
