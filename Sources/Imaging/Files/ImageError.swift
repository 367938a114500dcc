import Basics
import CImageIO
import Foundation

/// A file that cannot be read or written as an image: which one, what is wrong, and what to do.
public struct ImageError: ReadableError, Hashable, LocalizedError {
  public enum Reason: String, Hashable, Sendable {
    case unreadable, empty, notAnImage, truncated, corrupt, tooLarge, unsupported, outOfMemory, unwritable
  }
  /// The path or the name that the caller gave.
  public let file: String
  public let reason: Reason
  /// The library's or the system's own words.
  public let detail: String

  public init(file: String, reason: Reason, detail: String) {
    self.file = file
    self.reason = reason
    self.detail = detail
  }

  public var message: String {
    switch reason {
    case .unreadable: "\(file): cannot be read: \(detail)"
    case .empty: "\(file): the file is empty"
    case .notAnImage: "\(file): not an image: \(detail)"
    case .truncated: "\(file): the image is truncated: \(detail)"
    case .corrupt: "\(file): the image is damaged: \(detail)"
    case .tooLarge: "\(file): the image is too large: \(detail)"
    case .unsupported: "\(file): not supported: \(detail)"
    case .outOfMemory: "\(file): \(detail)"
    case .unwritable: "\(file): cannot be encoded: \(detail)"
    }
  }

  public var help: String? {
    switch reason {
    case .empty: "write or copy it again"
    case .notAnImage: "PNG, JPEG and TIFF are read"
    case .truncated, .corrupt: "copy or write the file again"
    case .unsupported: "convert it to 8- or 16-bit PNG or 32-bit float TIFF"
    case .outOfMemory: "use a smaller image or run fewer jobs at once"
    case .unreadable, .tooLarge, .unwritable: nil
    }
  }

  /// One line: a sample's reason and a log have room for no more.
  public var description: String { message + (help.map { "; \($0)" } ?? "") }
  public var errorDescription: String? { description }

  init(code: Int32, file: String, message: String) {
    let reason: Reason =
      switch Int(code) {
      case CIMAGE_TRUNCATED: .truncated
      case CIMAGE_TOO_LARGE: .tooLarge
      case CIMAGE_UNSUPPORTED: .unsupported
      case CIMAGE_MEMORY: .outOfMemory
      default: .corrupt
      }
    self.init(file: file, reason: reason, detail: message.isEmpty ? "the decoder gives no reason" : message)
  }
}
