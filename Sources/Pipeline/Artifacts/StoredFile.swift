import Basics
import Foundation

/// A file in the store: read-only, found by its content.
public struct StoredFile: Hashable, Sendable {
  public var digest: Digest
  public var size: Int
  /// Its path, or the store that holds it: a million files of one store share one text.
  private var place: String
  private var isBlob: Bool

  public init(digest: Digest, size: Int, url: URL) { self.init(digest: digest, size: size, path: url.path) }

  /// A file anywhere.
  init(digest: Digest, size: Int, path: String) {
    self.digest = digest
    self.size = size
    place = path
    isBlob = false
  }

  /// A file of a store, by the store's folder.
  init(digest: Digest, size: Int, store: String) {
    self.digest = digest
    self.size = size
    place = store
    isBlob = true
  }

  /// Where it can be read now. Not part of any key.
  public var path: String { isBlob ? Self.blobPath(digest, in: place) : place }
  public var url: URL { URL(fileURLWithPath: path, isDirectory: false) }

  /// Whether it is one of the files of the store in this folder.
  func isBlob(ofStoreAt root: String) -> Bool {
    isBlob ? place == root : place.hasPrefix(root + "/blobs/")
  }

  /// `<store>/blobs/ab/cdef…`
  static func blobPath(_ digest: Digest, in store: String) -> String {
    let hex = digest.hex
    return "\(store)/blobs/\(hex.prefix(2))/\(hex.dropFirst(2))"
  }
}
