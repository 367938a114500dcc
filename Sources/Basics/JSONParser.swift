import Foundation

/// Text that is not JSON: where and why.
public struct JSONProblem: ReadableError, Hashable {
  public var line: Int
  public var column: Int
  public var reason: String

  public init(line: Int, column: Int, reason: String) {
    self.line = line
    self.column = column
    self.reason = reason
  }

  public var message: String { "not valid JSON at line \(line), column \(column): \(reason)" }
}

/// A strict reader of RFC 8259 that keeps the difference between `1` and `1.0`, which `JSONDecoder` loses and keys need,
/// and reads a record of 300 bytes in microseconds, which a million cached samples need.
struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0
  private static let deepest = 512

  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws -> JSON {
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.at < bytes.count { throw parser.problem("unexpected text after the value") }
    return value
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private func problem(_ message: String) -> JSONProblem {
    let before = bytes[..<min(at, bytes.count)]
    let line = before.reduce(1) { $1 == 10 ? $0 + 1 : $0 }
    let start = before.lastIndex(of: 10).map { $0 + 1 } ?? 0
    return JSONProblem(line: line, column: before.count - start + 1, reason: message)
  }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 32 || bytes[at] == 10 || bytes[at] == 13 || bytes[at] == 9 { at += 1 }
  }

  private mutating func expect(_ word: StaticString, _ value: JSON) throws -> JSON {
    let count = word.utf8CodeUnitCount
    guard at + count <= bytes.count, memcmp(bytes.baseAddress! + at, word.utf8Start, count) == 0 else {  // not empty
      throw problem("unexpected text")
    }
    at += count
    return value
  }

  private mutating func value(depth: Int) throws -> JSON {
    if depth > Self.deepest { throw problem("nested deeper than \(Self.deepest) levels") }
    skipSpace()
    switch next {
    case nil: throw problem("the text ends where a value should stand")
    case 0x7b: return try object(depth: depth)
    case 0x5b: return try array(depth: depth)
    case 0x22: return .string(try string())
    case 0x74: return try expect("true", .bool(true))
    case 0x66: return try expect("false", .bool(false))
    case 0x6e: return try expect("null", .null)
    default: return try number()
    }
  }

  private mutating func object(depth: Int) throws -> JSON {
    at += 1
    var members: [String: JSON] = [:]
    skipSpace()
    if next == 0x7d {
      at += 1
      return .object(members)
    }
    while true {
      skipSpace()
      guard next == 0x22 else { throw problem("expected a name in quotes") }
      let name = try string()
      skipSpace()
      guard next == 0x3a else { throw problem("expected `:`") }
      at += 1
      if members.updateValue(try value(depth: depth + 1), forKey: name) != nil {
        throw problem("the name \"\(name)\" stands twice")
      }
      skipSpace()
      if next == 0x2c {
        at += 1
        continue
      }
      guard next == 0x7d else { throw problem("expected `,` or `}`") }
      at += 1
      return .object(members)
    }
  }

  private mutating func array(depth: Int) throws -> JSON {
    at += 1
    var items: [JSON] = []
    skipSpace()
    if next == 0x5d {
      at += 1
      return .array(items)
    }
    while true {
      items.append(try value(depth: depth + 1))
      skipSpace()
      if next == 0x2c {
        at += 1
        continue
      }
      guard next == 0x5d else { throw problem("expected `,` or `]`") }
      at += 1
      return .array(items)
    }
  }

  private mutating func string() throws -> String {
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != 0x22, bytes[at] != 0x5c, bytes[at] >= 0x20 { at += 1 }
    guard let stop = next else { throw problem("a string does not end") }
    if stop == 0x22 {
      guard let text = String(validating: bytes[start..<at], as: UTF8.self) else { throw problem("invalid UTF-8") }
      at += 1
      return text
    }
    var text = Array(bytes[start..<at])
    while let byte = next {
      at += 1
      switch byte {
      case 0x22:
        guard let text = String(validating: text, as: UTF8.self) else { throw problem("invalid UTF-8") }
        return text
      case 0x5c: try escape(into: &text)
      case ..<0x20: throw problem("a control character in a string")
      default: text.append(byte)
      }
    }
    throw problem("a string does not end")
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard let byte = next else { throw problem("a string does not end") }
    at += 1
    switch byte {
    case 0x22, 0x5c, 0x2f: text.append(byte)
    case 0x62: text.append(8)
    case 0x66: text.append(12)
    case 0x6e: text.append(10)
    case 0x72: text.append(13)
    case 0x74: text.append(9)
    case 0x75:
      var code = try hex4()
      if (0xd800..<0xdc00).contains(code) {
        guard at + 1 < bytes.count, bytes[at] == 0x5c, bytes[at + 1] == 0x75 else {
          throw problem("half a surrogate pair")
        }
        at += 2
        let low = try hex4()
        guard (0xdc00..<0xe000).contains(low) else { throw problem("half a surrogate pair") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw problem("half a surrogate pair") }
      text += Array(String(Character(scalar)).utf8)
    default: throw problem("unknown escape")
    }
  }

  private mutating func hex4() throws -> UInt32 {
    guard at + 4 <= bytes.count else { throw problem("a string does not end") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      let byte = bytes[at]
      at += 1
      switch byte {
      case 0x30...0x39: code = code << 4 | UInt32(byte - 0x30)
      case 0x61...0x66: code = code << 4 | UInt32(byte - 0x57)
      case 0x41...0x46: code = code << 4 | UInt32(byte - 0x37)
      default: throw problem("expected four hexadecimal digits")
      }
    }
    return code
  }

  private mutating func number() throws -> JSON {
    let start = at
    var whole = true
    func digits(_ parser: inout JSONParser) throws {
      let first = parser.at
      while let byte = parser.next, byte >= 0x30, byte <= 0x39 { parser.at += 1 }
      if parser.at == first { throw parser.problem(first == start ? "unexpected character" : "expected a digit") }
    }
    if next == 0x2d { at += 1 }
    let zero = next == 0x30
    let first = at
    try digits(&self)
    if zero, at > first + 1 { throw problem("a number with a leading zero") }
    if next == 0x2e {
      whole = false
      at += 1
      try digits(&self)
    }
    if next == 0x65 || next == 0x45 {
      whole = false
      at += 1
      if next == 0x2b || next == 0x2d { at += 1 }
      try digits(&self)
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if whole, let value = Int(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else { throw problem("\(text) is too large") }
    return .double(value)
  }
}
