/// The lines of a file as YAML counts them: a line ends with LF, CR LF, CR, NEL, LS or PS.
public struct SourceText: Sendable {
  private let scalars: [Unicode.Scalar]
  private let starts: [Int]

  public init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    var starts = [0]
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      guard SourceText.isBreak(scalar) else { continue }
      if scalar == "\r", index < scalars.count, scalars[index] == "\n" { index += 1 }
      starts.append(index)
    }
    self.starts = starts
  }

  /// The line's text without its end; nil when there is no such line. Lines count from 1.
  public func line(_ number: Int) -> String? {
    guard number >= 1, number <= starts.count else { return nil }
    let start = starts[number - 1]
    let end = scalars[start...].firstIndex(where: SourceText.isBreak) ?? scalars.count
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars[start..<end])
    return String(text)
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
