import Basics

/// Why a file of Gaussian splats cannot be used: the file, the byte where that shows, and what is wrong there.
public struct SplatFileError: ReadableError, Hashable {
  public enum Reason: String, Hashable, Sendable {
    case unreadable, notPly, header, missingProperty, unsupported, empty, truncated, badValue
  }

  public var file: String
  public var reason: Reason
  /// Byte offset from the start of the file; nil when the file could not be opened.
  public var offset: Int?
  public var detail: String
  public var help: String?

  public init(file: String, reason: Reason, offset: Int?, detail: String, help: String) {
    self.file = file
    self.reason = reason
    self.offset = offset
    self.detail = detail
    self.help = help
  }

  public var message: String { "\(file): \(detail)\(offset.map { " (at byte \($0))" } ?? "")" }

  /// One line: a sample's reason and a log have room for no more.
  public var description: String { message + (help.map { "; \($0)" } ?? "") }
}
