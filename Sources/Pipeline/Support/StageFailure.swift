import Basics

/// Thrown when a sample itself is at fault: names the file and the reason in a sentence a person can act on.
public struct BadSample: ReadableError, Hashable {
  public var reason: String
  public init(_ reason: String) { self.reason = reason }
  public var message: String { reason }
}

/// Thrown when a stage cannot do its work: what is wrong and how to mend it.
public struct StageFailure: ReadableError, Hashable {
  public var message: String
  public var help: String?
  public init(_ message: String, help: String? = nil) {
    self.message = message
    self.help = help
  }
}
