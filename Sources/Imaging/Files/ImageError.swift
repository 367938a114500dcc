import CImageIO
import Foundation

/// A file that cannot be read or written as an image: which one, what is wrong, and what to do.
public struct ImageError: Error, Hashable, Sendable, CustomStringConvertible, LocalizedError {
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

  public var description: String {
    switch reason {
    case .unreadable: "\(file): cannot be read: \(detail)"
    case .empty: "\(file): the file is empty; write or copy it again"
    case .notAnImage: "\(file): not an image: \(detail); PNG, JPEG and TIFF are read"
    case .truncated: "\(file): the image is truncated: \(detail); copy or write the file again"
    case .corrupt: "\(file): the image is damaged: \(detail); copy or write the file again"
    case .tooLarge: "\(file): the image is too large: \(detail)"
    case .unsupported: "\(file): not supported: \(detail); convert it to 8- or 16-bit PNG or 32-bit float TIFF"
    case .outOfMemory: "\(file): \(detail); use a smaller image or run fewer jobs at once"
    case .unwritable: "\(file): cannot be encoded: \(detail)"
    }
  }
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
