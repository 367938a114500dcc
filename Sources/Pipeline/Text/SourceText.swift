/// The lines of a file as YAML counts them: a line ends with LF, CR LF, CR, NEL, LS or PS.
public struct SourceText: Sendable {
  private let text: String
  /// Where lines start, in bytes.
  private let starts: [Int]

  public init(_ text: String) {
    var text = text
    starts = text.withUTF8 { bytes in
      var starts = [0]
      var at = 0
      while at < bytes.count {
        let length = SourceText.breakLength(bytes, at)
        at += max(1, length)
        if length > 0 { starts.append(at) }
      }
      return starts
    }
    self.text = text
  }

  /// The line's text without its end; nil when there is no such line. Lines count from 1.
  public func line(_ number: Int) -> String? {
    guard number >= 1, number <= starts.count else { return nil }
    var text = text
    return text.withUTF8 { bytes in
      let start = starts[number - 1]
      var end = start
      while end < bytes.count, SourceText.breakLength(bytes, end) == 0 { end += 1 }
      return String(decoding: bytes[start..<end], as: UTF8.self)
    }
  }

  /// Bytes of the line's end that starts here, 0 when none does.
  private static func breakLength(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
    switch bytes[at] {
    case 0x0a: return 1
    case 0x0d: return at + 1 < bytes.count && bytes[at + 1] == 0x0a ? 2 : 1
    case 0xc2: return at + 1 < bytes.count && bytes[at + 1] == 0x85 ? 2 : 0
    case 0xe2: return at + 2 < bytes.count && bytes[at + 1] == 0x80 && bytes[at + 2] & 0xfe == 0xa8 ? 3 : 0
    default: return 0
    }
  }

  static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0a, 0x0d, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// Line and column (from 1) of a byte offset in UTF-8 text, whose bytes before it are valid.
  static func mark(at offset: Int, in bytes: some Sequence<UInt8>, file: String) -> Mark {
    var before = String(decoding: Array(bytes.prefix(offset)), as: UTF8.self).unicodeScalars
    if before.first == "\u{feff}" { before.removeFirst() }
    var line = 1
    var column = 1
    var previous: Unicode.Scalar = " "
    for scalar in before {
      if isBreak(scalar) {
        if !(previous == "\r" && scalar == "\n") { line += 1 }
        column = 1
      } else {
        column += 1
      }
      previous = scalar
    }
    return Mark(file: file, line: line, column: column)
  }
}
