import Foundation

/// A JSON value whose canonical text is the same for equal values: object keys sorted by their UTF-8 bytes, no white
/// space, integers without exponent, doubles in the shortest form that reads back to the same bits.
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])
}

extension JSON {
  /// The canonical text. Non-finite doubles, which JSON cannot say, are written as the strings "nan", "inf", "-inf".
  public var canonical: String {
    var text: [UInt8] = []
    write(to: &text, indent: nil, level: 0)
    return String(decoding: text, as: UTF8.self)
  }

  /// This content with two-space indentation, for people.
  public var pretty: String {
    var text: [UInt8] = []
    write(to: &text, indent: 2, level: 0)
    return String(decoding: text, as: UTF8.self)
  }

  /// Adds the canonical text in UTF-8.
  public func append(to text: inout [UInt8]) { write(to: &text, indent: nil, level: 0) }

  private func write(to text: inout [UInt8], indent: Int?, level: Int) {
    func newline(_ level: Int) {
      guard let indent else { return }
      text.append(10)
      text += repeatElement(32, count: indent * level)
    }
    switch self {
    case .null: text += "null".utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .int(let value): text += String(value).utf8
    case .double(let value): text += JSON.text(value).utf8
    case .string(let value): JSON.quote(value, into: &text)
    case .array(let items):
      text.append(UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        newline(level + 1)
        item.write(to: &text, indent: indent, level: level + 1)
      }
      if !items.isEmpty { newline(level) }
      text.append(UInt8(ascii: "]"))
    case .object(let members):
      text.append(UInt8(ascii: "{"))
      let sorted = members.count < 2 ? Array(members) : members.sorted { JSON.precedes($0.key, $1.key) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        newline(level + 1)
        JSON.quote(member.key, into: &text)
        text.append(UInt8(ascii: ":"))
        if indent != nil { text.append(32) }
        member.value.write(to: &text, indent: indent, level: level + 1)
      }
      if !members.isEmpty { newline(level) }
      text.append(UInt8(ascii: "}"))
    }
  }

  private static func text(_ value: Double) -> String {
    if value.isNaN { return "\"nan\"" }
    if value.isInfinite { return value < 0 ? "\"-inf\"" : "\"inf\"" }
    guard value == value.rounded(), abs(value) < 1e15 else { return value.description }
    return (value.sign == .minus ? "-" : "") + String(Int(abs(value))) + ".0"
  }

  /// By UTF-8 bytes.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    let known = a.utf8.withContiguousStorageIfAvailable { x in
      b.utf8.withContiguousStorageIfAvailable { y in
        let order = x.isEmpty || y.isEmpty ? 0 : memcmp(x.baseAddress!, y.baseAddress!, min(x.count, y.count))
        return order == 0 ? x.count < y.count : order < 0
      }
    }
    return (known ?? nil) ?? a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  private static func quote(_ value: String, into text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    var value = value
    value.withUTF8 { bytes in
      if bytes.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
        text += bytes
        return
      }
      for byte in bytes {
        switch byte {
        case UInt8(ascii: "\""): text += "\\\"".utf8
        case UInt8(ascii: "\\"): text += "\\\\".utf8
        case 10: text += "\\n".utf8
        case 13: text += "\\r".utf8
        case 9: text += "\\t".utf8
        case ..<0x20: text += String(format: "\\u%04x", byte).utf8
        default: text.append(byte)
        }
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// Reads JSON text (RFC 8259, strictly; no name twice in an object).
  /// - Throws: `JSONProblem`, which names line and column, when the text is not JSON.
  public init(parsing data: Data) throws {
    self = try data.withUnsafeBytes { try JSONParser.parse($0.bindMemory(to: UInt8.self)) }
  }

  /// Reads JSON text from memory.
  public init(parsing bytes: UnsafeRawBufferPointer) throws {
    self = try JSONParser.parse(bytes.bindMemory(to: UInt8.self))
  }

  /// Reads JSON text.
  public init(parsing text: String) throws {
    var text = text
    self = try text.withUTF8 { try JSONParser.parse($0) }
  }
}

extension JSON: Codable {
  public init(from decoder: Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {  // a failed guess of the type is not an error
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  public func encode(to encoder: Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
}

extension JSON {
  public subscript(key: String) -> JSON? {
    if case .object(let members) = self { return members[key] }
    return nil
  }
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var intValue: Int? { if case .int(let value) = self { value } else { nil } }
  /// A double, or an integer as a double.
  public var doubleValue: Double? {
    switch self {
    case .double(let value): value
    case .int(let value): Double(value)
    default: nil
    }
  }
  public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
  public var objectValue: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
}
