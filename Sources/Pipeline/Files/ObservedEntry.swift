import Basics
import Foundation

/// One entry of encoded `Observations`, read in place:
///
///     kind, flags (a byte each) · length of the path (2) · limit or size (8; `held` and `content`)
///     · size, modified, changed, inode, device (8 each), mode (4) when present · SHA-256 (32) when flagged · path · 0
///
/// All numbers are little-endian.
struct ObservedEntry {
  let kind: Observations.Kind
  let flags: UInt8
  /// Where the entry starts, and where the next one does.
  let start: Int
  let end: Int
  private let bytes: UnsafeRawBufferPointer
  private let status: Int
  private let limit: Int?
  private let digestAt: Int
  private let pathAt: Int

  /// Nil when what starts here is no entry.
  init?(_ bytes: UnsafeRawBufferPointer, at start: Int) {
    guard start + 4 <= bytes.count, let kind = Observations.Kind(rawValue: bytes[start]) else { return nil }
    self.bytes = bytes
    self.kind = kind
    self.start = start
    flags = bytes[start + 1]
    let length = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 2, as: UInt16.self)))
    var at = start + 4
    let hasLimit = kind == .held || kind == .content
    let isPresent = flags & Observations.Flag.present != 0
    let hasStatus = isPresent && (kind == .status || kind == .linkStatus || kind == .content)
    let hasDigest = flags & Observations.Flag.digest != 0
    guard at + (hasLimit ? 8 : 0) + (hasStatus ? 44 : 0) + (hasDigest ? 32 : 0) + length + 1 <= bytes.count else {
      return nil
    }
    limit = hasLimit ? Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Int64.self))) : nil
    if hasLimit { at += 8 }
    status = at
    if hasStatus { at += 44 }
    digestAt = at
    if hasDigest { at += 32 }
    pathAt = at
    end = at + length + 1
    guard bytes[end - 1] == 0 else { return nil }
  }

  var isPresent: Bool { flags & Observations.Flag.present != 0 }
  var isRacy: Bool { flags & Observations.Flag.racy != 0 }
  var changed: Int { word(16) }
  private var path: UnsafePointer<CChar> {
    (bytes.baseAddress! + pathAt).assumingMemoryBound(to: CChar.self)  // not empty: it holds this entry
  }

  private func word(_ offset: Int) -> Int {
    Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: status + offset, as: Int64.self)))
  }

  private func isSame(_ found: FileSystem.Status) -> Bool {
    word(0) == found.size && word(8) == found.modified && word(16) == found.changed
      && UInt64(bitPattern: Int64(word(24))) == found.inode && UInt64(bitPattern: Int64(word(32))) == found.device
      && UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: status + 40, as: UInt32.self)) == found.mode
  }

  /// Asks again and compares.
  func holds() -> Bool {
    var s = stat()
    switch kind {
    case .exists: return (access(path, F_OK) == 0) == isPresent
    case .linkStatus: return isUnchanged(lstat(path, &s) == 0 ? FileSystem.Status(s) : nil)
    case .status: return isUnchanged(stat(path, &s) == 0 ? FileSystem.Status(s) : nil)
    case .held:
      let found = stat(path, &s) == 0 ? FileSystem.Status(s) : nil
      let isHeld = found.map { $0.isRegular && (limit == -1 || $0.size == limit) } ?? false
      return isHeld == isPresent
    case .names: return hasSameBytes()
    case .content:
      guard isUnchanged(stat(path, &s) == 0 ? FileSystem.Status(s) : nil) else { return false }
      return !isRacy || hasSameBytes()
    }
  }

  private func isUnchanged(_ found: FileSystem.Status?) -> Bool {
    guard let found else { return !isPresent }
    return isPresent && isSame(found)
  }

  /// Reads names, and bytes that time stamps cannot vouch for.
  private func hasSameBytes() -> Bool {
    guard flags & Observations.Flag.digest != 0 else { return false }
    let known = Digest(bytes: Array(bytes[digestAt..<(digestAt + 32)]))
    let path = String(cString: path)
    // A file that cannot be read any more has changed.
    if kind == .names { return (try? FileSystem.names(in: path)).map(Self.digest) == known }
    if let limit, limit >= 0 { return (try? FileSystem.read(path, upTo: limit))?.map { Digest.of($0) } == known }
    return (try? Digest.ofFile(path))?.digest == known
  }

  /// Of names in any order: the digest of the sums of their digests, which costs no sorting.
  static func digest(of names: [String]) -> Digest {
    var sums: [UInt64] = [UInt64(names.count), 0, 0, 0, 0]
    for name in names {
      Digest.of(name).bytes.withUnsafeBytes { bytes in
        for index in 0..<4 { sums[index + 1] &+= bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self) }
      }
    }
    return sums.withUnsafeBytes { Digest.of($0) }
  }
}
