import CCrypto
import Foundation

/// A SHA-256 digest.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// 32 bytes.
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) {
    precondition(bytes.count == 32, "a SHA-256 digest has 32 bytes, not \(bytes.count)")
    self.bytes = bytes
  }

  /// Reads 64 hexadecimal digits in lower case; nil for anything else.
  public init?(hex: String) {
    guard hex.utf8.count == 64 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    var high: UInt8?
    for character in hex.utf8 {
      let nibble: UInt8
      switch character {
      case 48...57: nibble = character - 48
      case 97...102: nibble = character - 87
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | nibble)
        high = nil
      } else {
        high = nibble
      }
    }
    self.bytes = bytes
  }

  public var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The first 12 hexadecimal digits, for people.
  public var short: String { String(hex.prefix(12)) }
  public var description: String { hex }

  public static func < (a: Digest, b: Digest) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

/// Computes SHA-256 over a stream of bytes with OpenSSL, which uses the processor's SHA instructions.
public struct DigestBuilder: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
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
  public static func of(_ text: String) -> Digest {
    var builder = DigestBuilder()
    builder.update(text)
    return builder.finish()
  }

  public static func of(_ data: Data) -> Digest {
    var builder = DigestBuilder()
    data.withUnsafeBytes { builder.update($0) }
    return builder.finish()
  }

  public static func of(_ json: JSON) -> Digest { of(json.canonical) }
}
