/// A model that cannot be built or used as asked.
public struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
