import Basics
import Foundation

/// Something wrong with a specification: what, where, and how to mend it. Printed as
/// `file:line:col: error: message`, the source line with a caret, then `help: …`.
public struct Diagnostic: ReadableError, Hashable {
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

  public var place: String? { mark.map { "\($0.file):\($0.line):\($0.column)" } }

  public init(_ message: String, at mark: Mark? = nil, help: String? = nil, notes: [Note] = []) {
    self.message = message
    self.mark = mark
    self.help = help
    self.notes = notes
  }
}

extension Diagnostic {
  /// Any error in the form in which people read it: in a worker's events, a run's record and on the command line.
  public init(_ error: any Error) {
    switch error {
    case let diagnostic as Diagnostic: self = diagnostic
    case let error as any ReadableError:
      self.init((error.place.map { "\($0): " } ?? "") + error.message, help: error.help)
    // Foundation's own errors describe themselves with domain and code.
    case is CocoaError, is POSIXError: self.init(error.localizedDescription)
    default: self.init("\(error)")
    }
  }
}
