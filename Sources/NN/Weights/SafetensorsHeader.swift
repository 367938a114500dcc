import Foundation

/// The JSON header of a safetensors file, read by a parser of its own: it accepts exactly the shape the format defines,
/// notices duplicate names, and its work is bounded by the header's length.
struct SafetensorsHeader {
  struct Entry {
    var name: String
    var type = ""
    var shape: [Int] = []
    var start = 0
    var end = 0
  }

  var entries: [Entry] = []
  var metadata: [String: String] = [:]

  static func parse(_ data: Data, file: String) throws -> SafetensorsHeader {
    var parser = Parser(bytes: [UInt8](data), file: file)
    return try parser.header()
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private struct Parser {
    let bytes: [UInt8]
    let file: String
    var position = 0

    func refuse(_ reason: String) -> WeightsError {
      WeightsError(file: file, reason: "the safetensors header is not valid: \(reason) at byte \(8 + position)")
    }

    mutating func header() throws -> SafetensorsHeader {
      var result = SafetensorsHeader()
      var names: Set<String> = []
      try object { parser, name in
        guard names.insert(name).inserted else { throw parser.refuse("`\(name)` appears twice") }
        if name == "__metadata__" {
          try parser.object { parser, key in result.metadata[key] = try parser.string() }
        } else {
          result.entries.append(try parser.entry(name))
        }
      }
      skipSpace()
      guard position == bytes.count else { throw refuse("text after the closing brace") }
      return result
    }

    mutating func entry(_ name: String) throws -> Entry {
      var entry = Entry(name: name)
      var seen: Set<String> = []
      try object { parser, key in
        guard seen.insert(key).inserted else { throw parser.refuse("`\(key)` of `\(name)` appears twice") }
        switch key {
        case "dtype": entry.type = try parser.string()
        case "shape": entry.shape = try parser.integers()
        case "data_offsets":
          let range = try parser.integers()
          guard range.count == 2 else { throw parser.refuse("`data_offsets` of `\(name)` needs two numbers") }
          (entry.start, entry.end) = (range[0], range[1])
        default: throw parser.refuse("unknown key `\(key)` of `\(name)`")
        }
      }
      guard seen.count == 3 else { throw refuse("`\(name)` needs dtype, shape and data_offsets") }
      return entry
    }

    mutating func object(_ member: (inout Parser, String) throws -> Void) throws {
      try expect("{")
      if take("}") { return }
      repeat {
        let key = try string()
        try expect(":")
        try member(&self, key)
      } while take(",")
      try expect("}")
    }

    mutating func integers() throws -> [Int] {
      var values: [Int] = []
      try expect("[")
      if take("]") { return values }
      repeat {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 {
          let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
          let (sum, carry) = tens.addingReportingOverflow(Int(bytes[position] - 48))
          guard !overflow, !carry else { throw refuse("a number is too large") }
          value = sum
          position += 1
        }
        guard position > start else { throw refuse("expected a non-negative integer") }
        values.append(value)
      } while take(",")
      try expect("]")
      return values
    }

    mutating func string() throws -> String {
      try expect("\"")
      var text: [UInt8] = []
      while position < bytes.count {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""):
          guard let result = String(validating: text, as: UTF8.self) else { throw refuse("a string is not UTF-8") }
          return result
        case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
        case 0..<0x20: throw refuse("a control character inside a string")
        default: text.append(byte)
        }
      }
      throw refuse("a string does not end")
    }

    /// The UTF-8 bytes of an escape sequence, after its backslash.
    private mutating func escape() throws -> [UInt8] {
      guard position < bytes.count else { throw refuse("a string does not end") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "n"): return [10]
      case UInt8(ascii: "t"): return [9]
      case UInt8(ascii: "r"): return [13]
      case UInt8(ascii: "b"): return [8]
      case UInt8(ascii: "f"): return [12]
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
      case UInt8(ascii: "u"):
        var code = try hexadecimal()
        if (0xD800..<0xDC00).contains(code), take("\\", skippingSpace: false), take("u", skippingSpace: false) {
          let low = try hexadecimal()
          guard (0xDC00..<0xE000).contains(low) else { throw refuse("half a surrogate pair") }
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw refuse("half a surrogate pair") }
        return Array(String(Character(scalar)).utf8)
      default: throw refuse("an unknown escape sequence")
      }
    }

    private mutating func hexadecimal() throws -> UInt32 {
      guard position + 4 <= bytes.count else { throw refuse("a short \\u escape") }
      var code: UInt32 = 0
      for _ in 0..<4 {
        guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
          throw refuse("a \\u escape without four hexadecimal digits")
        }
        code = code << 4 | UInt32(digit)
        position += 1
      }
      return code
    }

    private mutating func skipSpace() {
      while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar, skippingSpace: Bool = true) -> Bool {
      if skippingSpace { skipSpace() }
      guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
      position += 1
      return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
      guard take(character) else { throw refuse("expected `\(character)`") }
    }
  }
}
