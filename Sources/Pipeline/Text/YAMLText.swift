import CYaml

/// Errors of a file before and while libyaml reads it.
enum YAMLText {
  /// Only UTF-8 is read; other encodings are named.
  static func check(_ bytes: [UInt8], file: String) throws(Diagnostic) {
    let start = Mark(file: file, line: 1, column: 1)
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw Diagnostic("the file is UTF-16; pipeline files are UTF-8", at: start, help: "save it as UTF-8")
    }
    guard let offset = firstInvalid(bytes) else { return }
    let byte = String(bytes[offset], radix: 16)
    throw Diagnostic(
      "byte 0x\(byte) is not valid UTF-8", at: SourceText.mark(at: offset, in: bytes, file: file),
      help: "save the file as UTF-8")
  }

  /// The offset of the first byte that is not part of valid UTF-8 (RFC 3629: no overlong forms, no surrogates).
  static func firstInvalid(_ bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let lead = bytes[index]
        if lead < 0x80 {
          index += 1
          continue
        }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch lead {
        case 0xc2...0xdf: length = 2
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: length = 3
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        case 0xf1...0xf3: length = 4
        default: return index
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return index }
        for position in (index + 2)..<max(index + 2, index + length) where bytes[position] & 0xc0 != 0x80 {
          return index
        }
        index += length
      }
      return nil
    }
  }

  /// libyaml's message in words that help.
  static func diagnostic(of parser: yaml_parser_t, bytes: UnsafeBufferPointer<UInt8>, file: String) -> Diagnostic {
    let problem = parser.problem.map { String(cString: $0) } ?? "out of memory"
    if parser.error == YAML_READER_ERROR {
      let mark = SourceText.mark(at: parser.problem_offset, in: bytes, file: file)
      let value = String(UInt32(bitPattern: parser.problem_value), radix: 16)
      return Diagnostic("not valid YAML: \(problem) (U+\(value))", at: mark, help: "remove the character")
    }
    func mark(_ mark: yaml_mark_t) -> Mark { Mark(file: file, line: mark.line + 1, column: mark.column + 1) }
    let at = parser.problem_mark
    let character = at.index < bytes.count ? character(at, bytes, file) : nil
    var message = "not valid YAML: \(problem)"
    var help: String?
    switch problem {
    case "found character that cannot start any token":
      switch character {
      case "\t":
        message = "a tab stands where YAML wants spaces"
        help = "indent with spaces"
      case let character?:
        message = "not valid YAML: nothing can start with `\(character)`"
        help = "put the value in quotes"
      case nil: break
      }
    case "mapping values are not allowed in this context":
      help = "check the indentation; a value that contains `: ` needs quotes"
    case "could not find expected ':'", "did not find expected key":
      help = "check the indentation and that each key is followed by `: `"
    case "did not find expected ',' or ']'": help = "a `[` list is not closed, or a comma is missing"
    case "did not find expected ',' or '}'": help = "a `{` map is not closed, or a comma is missing"
    case "found a tab character that violates indentation": help = "indent with spaces"
    case "did not find expected alphabetic or numeric character":
      help = "put a value that starts with `*` or `&` in quotes"
    case "did not find expected node content":
      help = "a `[` or `{` is not closed, or a value is missing"
    case "found unexpected end of stream": help = "a quote or bracket is not closed"
    default: break
    }
    var notes: [Diagnostic.Note] = []
    if let context = parser.context.map({ String(cString: $0) }),
      parser.context_mark.line != at.line || parser.context_mark.column != at.column, parser.context_mark.index > 0
    {
      notes.append(.init(mark: mark(parser.context_mark), message: context))
    }
    return Diagnostic(message, at: mark(at), help: help, notes: notes)
  }

  private static func character(
    _ mark: yaml_mark_t, _ bytes: UnsafeBufferPointer<UInt8>, _ file: String
  ) -> Unicode.Scalar? {
    guard let line = SourceText(String(decoding: bytes, as: UTF8.self)).line(mark.line + 1) else { return nil }
    return line.unicodeScalars.dropFirst(mark.column).first
  }
}
