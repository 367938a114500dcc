/// The YAML 1.2 core schema (YAML 1.2.2, section 10.3): how an unquoted scalar gets its type. `no`, `on` and `1:30` are
/// strings, which YAML 1.1 read as false, true and 90.
enum ScalarSchema {
  enum Value {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string
    /// Digits that do not fit 64 bits.
    case tooLarge
  }

  static func resolve(_ text: String) -> Value {
    let bytes = Array(text.utf8)
    guard let first = bytes.first else { return .null }
    switch first {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
      return number(text, bytes)
    default: break
    }
    switch text {
    case "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: return .string
    }
  }

  private static func number(_ text: String, _ bytes: [UInt8]) -> Value {
    switch text {
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
    case ".nan", ".NaN", ".NAN": return .double(.nan)
    default: break
    }
    if bytes.count > 2, bytes[0] == UInt8(ascii: "0") {
      if bytes[1] == UInt8(ascii: "x"), bytes[2...].allSatisfy(isHexadecimal) {
        return Int(text.dropFirst(2), radix: 16).map(Value.int) ?? .tooLarge
      }
      if bytes[1] == UInt8(ascii: "o"), bytes[2...].allSatisfy({ (48...55).contains($0) }) {
        return Int(text.dropFirst(2), radix: 8).map(Value.int) ?? .tooLarge
      }
    }
    // [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
    var rest = bytes[...]
    func digits() -> Int {
      let count = rest.prefix { (48...57).contains($0) }.count
      rest = rest.dropFirst(count)
      return count
    }
    if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    let whole = digits()
    if whole > 0, rest.isEmpty { return Int(text).map(Value.int) ?? .tooLarge }
    var fraction = 0
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      fraction = digits()
    }
    guard whole > 0 || fraction > 0 else { return .string }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
      guard digits() > 0 else { return .string }
    }
    guard rest.isEmpty else { return .string }
    // Swift reads neither `1.` nor `.5`; both are numbers here.
    let (mantissa, exponent) = split(text)
    let padded = mantissa.hasSuffix(".") ? mantissa + "0" : mantissa
    return Double(padded + exponent).map(Value.double) ?? .string
  }

  private static func split(_ text: String) -> (mantissa: String, exponent: String) {
    guard let e = text.firstIndex(where: { $0 == "e" || $0 == "E" }) else { return (text, "") }
    return (String(text[..<e]), String(text[e...]))
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
  }
}
