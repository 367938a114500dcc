import Basics
import Foundation
import Synchronization

/// Everything that a piece of planning looked at outside the process: what was asked of the file system and what it said.
///
/// Planning is a function of these answers and of nothing else outside the process. So when every question is asked again
/// and every answer is the same, planning would come to the same verdict and need not be done (`UpToDateProof`).
///
/// While `current` is set, the operations of `FileSystem` add what they see by themselves; code that works on other threads,
/// or sees only a part of what it asks for, adds its own.
final class Observations: Sendable {
  /// Where `FileSystem` notes what it sees; nil where nobody keeps a record.
  @TaskLocal static var current: Observations?

  /// The question that was asked.
  enum Kind: UInt8 {
    /// Everything `stat` says, or that nothing is there.
    case status = 1
    /// As `status`, of a link itself.
    case linkStatus
    /// Only whether something is there.
    case exists
    /// Whether a regular file of a size is there.
    case held
    /// The names in a folder.
    case names
    /// The bytes of a file, all or the first few.
    case content
  }

  /// Bits of the second byte of an entry.
  enum Flag {
    static let present: UInt8 = 1
    /// A digest of what was read follows.
    static let digest: UInt8 = 2
    /// The file had changed so shortly before that its time stamps alone prove nothing.
    static let racy: UInt8 = 4
  }

  /// Changes later than this, in ns by the file system's clock, are too young to be told apart by their time stamps.
  private let horizon: Int
  private let entries = Mutex<[UInt8]>([])

  /// - Parameter clock: now by the clock of the file system, in ns; nil when that is not known: then every file counts as
  ///   just changed.
  init(clock: Int?) { horizon = clock.map { $0 - StatCache.racyWindow } ?? Int.min }

  /// All entries so far, one after the other (see `ObservedEntry`).
  var encoded: [UInt8] { entries.withLock { $0 } }

  /// Runs `body` with this record as the current one.
  func watch<T>(_ body: () throws -> T) rethrows -> T { try Self.$current.withValue(self, operation: body) }

  /// Runs `body` without any record, for looks that decide nothing.
  static func unwatched<T>(_ body: () throws -> T) rethrows -> T { try $current.withValue(nil, operation: body) }

  // MARK: - Adding

  func add(_ kind: Kind, _ path: String, _ status: FileSystem.Status?) {
    append(kind, path, flags: status == nil ? 0 : Flag.present, limit: nil, status, digest: nil)
  }

  func add(exists path: String, _ exists: Bool) {
    append(.exists, path, flags: exists ? Flag.present : 0, limit: nil, nil, digest: nil)
  }

  /// - Parameter size: nil for any.
  func add(held path: String, size: Int?, _ holds: Bool) {
    append(.held, path, flags: holds ? Flag.present : 0, limit: size ?? -1, nil, digest: nil)
  }

  /// The names themselves are kept, not the folder's time stamps: not every file system keeps those right.
  /// - Parameter names: in any order.
  func add(names: [String], in path: String) {
    append(.names, path, flags: Flag.present, limit: nil, nil, digest: ObservedEntry.digest(of: names))
  }

  /// - Parameters:
  ///   - status: of the open file, taken before its bytes were read; nil when it is not there.
  ///   - limit: how many bytes were asked for; nil for all.
  ///   - digest: of the bytes read; asked for only when time stamps are not enough.
  func add(
    content path: String, _ status: FileSystem.Status?, limit: Int? = nil, isRacy: Bool? = nil, digest: () -> Digest
  ) {
    let isRacy = status != nil && (isRacy ?? false || status.map { $0.changed > horizon } ?? false)
    append(
      .content, path, flags: (status == nil ? 0 : Flag.present) | (isRacy ? Flag.racy : 0), limit: limit ?? -1, status,
      digest: isRacy ? digest() : nil)
  }

  private func append(
    _ kind: Kind, _ path: String, flags: UInt8, limit: Int?, _ status: FileSystem.Status?, digest: Digest?
  ) {
    var path = path
    entries.withLock { bytes in
      func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
      bytes.append(kind.rawValue)
      bytes.append(flags | (digest == nil ? 0 : Flag.digest))
      add(UInt16(truncatingIfNeeded: path.utf8.count))
      if let limit { add(Int64(limit)) }
      if let status {
        for value in [status.size, status.modified, status.changed] { add(Int64(value)) }
        add(status.inode)
        add(status.device)
        add(status.mode)
      }
      if let digest { bytes += digest.bytes }
      path.withUTF8 { bytes += $0 }
      bytes.append(0)
    }
  }
}
