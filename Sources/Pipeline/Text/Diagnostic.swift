/// Something wrong with a specification: what, where, and how to mend it. Printed as
/// `file:line:col: error: message`, the source line with a caret, then `help: …`.
public struct Diagnostic: Error, Hashable, Sendable {
  public var mark: Mark?
  public var message: String
  public var help: String?
  /// Other places that matter, such as the base file's line of an overridden value.
  public var notes: [Note]

  public struct Note: Hashable, Sendable {
    public var mark: Mark?
    public var message: String

    public init(mark: Mark?, message: String) {
      self.mark = mark
      self.message = message
    }
  }

  public init(_ message: String, at mark: Mark? = nil, help: String? = nil, notes: [Note] = []) {
    self.message = message
    self.mark = mark
    self.help = help
    self.notes = notes
  }
}
