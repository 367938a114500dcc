import CCrypto
import Foundation

/// A SHA-256 digest.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The 32 bytes as four big-endian words: no memory of its own, which counts for a million samples.
  private var words: (UInt64, UInt64, UInt64, UInt64)

  public init(bytes: [UInt8]) {
    precondition(bytes.count == 32, "a SHA-256 digest has 32 bytes, not \(bytes.count)")
    self = bytes.withUnsafeBytes { Digest(raw: $0) }
  }

  init(raw: UnsafeRawBufferPointer) {
    func word(_ index: Int) -> UInt64 {
      UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
    words = (word(0), word(1), word(2), word(3))
  }

  /// Reads 64 hexadecimal digits in lower case; nil for anything else.
  public init?(hex: String) {
    var hex = hex
    guard let digest = hex.withUTF8({ Digest(hexBytes: UnsafeRawBufferPointer($0)) }) else { return nil }
    self = digest
  }

  /// Reads 64 hexadecimal digits in lower case; nil for anything else.
  public init?(hexBytes: UnsafeRawBufferPointer) {
    guard hexBytes.count == 64 else { return nil }
    func word(_ index: Int) -> UInt64? {
      var value: UInt64 = 0
      for character in hexBytes[(index * 16)..<(index * 16 + 16)] {
        switch character {
        case 48...57: value = value << 4 | UInt64(character - 48)
        case 97...102: value = value << 4 | UInt64(character - 87)
        default: return nil
        }
      }
      return value
    }
    guard let a = word(0), let b = word(1), let c = word(2), let d = word(3) else { return nil }
    words = (a, b, c, d)
  }

  /// 32 bytes.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for word in [words.0, words.1, words.2, words.3] { withUnsafeBytes(of: word.bigEndian) { bytes += $0 } }
    return bytes
  }

  /// The 64 hexadecimal digits.
  public var hexBytes: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(64)
    append(to: &text)
    return text
  }

  public var hex: String {
    String(unsafeUninitializedCapacity: 64) { buffer in
      write(to: buffer)
      return 64
    }
  }

  /// Adds the 64 hexadecimal digits.
  public func append(to text: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      write(to: buffer)
      text += buffer
    }
  }

  private func write(to buffer: UnsafeMutableBufferPointer<UInt8>) {
    var at = 0
    func write(_ word: UInt64) {
      for shift in stride(from: 60, through: 0, by: -4) {
        let nibble = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
        buffer[at] = nibble < 10 ? 48 + nibble : 87 + nibble
        at += 1
      }
    }
    write(words.0)
    write(words.1)
    write(words.2)
    write(words.3)
  }

  /// The first 12 hexadecimal digits, for people.
  public var short: String { String(hex.prefix(12)) }
  public var description: String { hex }

  public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
  /// The bytes of a digest are as good as random; eight of them are hash enough.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
  public static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }

  /// Looked up once: OpenSSL otherwise searches its providers for every digest.
  nonisolated(unsafe) fileprivate static let algorithm: OpaquePointer = {
    guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else { fatalError("OpenSSL has no SHA-256") }
    return algorithm
  }()
}

/// Computes SHA-256 over a stream of bytes with OpenSSL, which uses the processor's SHA instructions.
public struct DigestBuilder: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, Digest.algorithm, nil) == 1 else {
      fatalError("OpenSSL cannot start SHA-256: out of memory")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    EVP_DigestUpdate(context, base, bytes.count)
  }

  public mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  public consuming func finish() -> Digest {
    var bytes = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &bytes, nil)
    return Digest(bytes: bytes)
  }
}

extension Digest {
  public static func of(_ bytes: UnsafeRawBufferPointer) -> Digest {
    var builder = DigestBuilder()
    builder.update(bytes)
    return builder.finish()
  }

  public static func of(_ text: String) -> Digest {
    var text = text
    return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
  }

  public static func of(_ data: Data) -> Digest { data.withUnsafeBytes { of($0) } }

  public static func of(_ json: JSON) -> Digest {
    var text: [UInt8] = []
    json.append(to: &text)
    return text.withUnsafeBytes { of($0) }
  }
}
