import Basics
import Foundation

/// A file operation that failed: which one, on what, and why.
public struct FileProblem: ReadableError, Hashable {
  /// The operation attempted, such as `write`.
  public var operation: String
  public var path: String
  /// `errno`.
  public var code: Int32
  /// Bytes that were to be written, where that helps to understand the failure.
  public var size: Int?

  public init(_ operation: String, _ path: String, code: Int32, size: Int? = nil) {
    self.operation = operation
    self.path = path
    self.code = code
    self.size = size
  }

  /// The operation that failed and why, without the help.
  public var message: String {
    let amount = size.map { " (\(byteText($0)))" } ?? ""
    return "cannot \(operation) \(path)\(amount): \(String(cString: strerror(code)))"
  }

  /// How to mend it, for the causes that people meet.
  public var help: String? {
    switch code {
    case ENOSPC, EDQUOT:
      "free some space there (`pipeline cache gc` shows what can go), then run the same command again"
    case EROFS: "the file system is read-only; choose another place with --store"
    case EACCES, EPERM: "you have no permission there; change it or choose another place with --store"
    case EMFILE, ENFILE: "too many open files; raise the limit (`ulimit -n 4096`) or run fewer jobs (-j)"
    default: nil
    }
  }
}
