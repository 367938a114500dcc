/// An error that reaches people: what is wrong, where, and how to mend it. The command line, a run's events and its record show
/// these parts; nobody takes a text apart to find them.
public protocol ReadableError: Error, CustomStringConvertible {
  /// What is wrong, in words that name the file, stage or value; without the help.
  var message: String { get }
  /// How to mend it; nil when nothing is known that would help.
  var help: String? { get }
  /// The place as `file:line:column` where the message does not name it.
  var place: String? { get }
}

extension ReadableError {
  public var help: String? { nil }
  public var place: String? { nil }

  /// All parts as one text.
  public var description: String {
    (place.map { "\($0): " } ?? "") + message + (help.map { "\nhelp: \($0)" } ?? "")
  }
}
