/// Lays numbered objects out as a PDF 1.4 file with its cross-reference table.
struct PDFFile {
  private var bytes: [UInt8] = Array("%PDF-1.4\n%\u{E2}\u{E3}\u{CF}\u{D3}\n".unicodeScalars.map { UInt8($0.value) })
  private var offsets: [Int] = []

  /// Adds the next object and returns its number, counted from 1.
  @discardableResult
  mutating func add(_ body: String) -> Int { add(Array(body.utf8)) }

  /// Adds a stream object.
  mutating func addStream(_ content: [UInt8]) -> Int {
    add(Array("<< /Length \(content.count) >>\nstream\n".utf8) + content + Array("\nendstream".utf8))
  }

  private mutating func add(_ body: [UInt8]) -> Int {
    offsets.append(bytes.count)
    bytes += Array("\(offsets.count) 0 obj\n".utf8) + body + Array("\nendobj\n".utf8)
    return offsets.count
  }

  /// The whole file. `root` is the number of the catalogue, `info` that of the document's description.
  func finished(root: Int, info: Int) -> [UInt8] {
    var table = "xref\n0 \(offsets.count + 1)\n0000000000 65535 f \n"
    for offset in offsets {
      let digits = String(offset)
      table += String(repeating: "0", count: 10 - digits.count) + digits + " 00000 n \n"
    }
    table += "trailer\n<< /Size \(offsets.count + 1) /Root \(root) 0 R /Info \(info) 0 R >>\n"
    return bytes + Array((table + "startxref\n\(bytes.count)\n%%EOF\n").utf8)
  }

  /// A literal string of bytes.
  static func literal(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [UInt8(ascii: "(")]
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
      case 0x0A: result += Array("\\n".utf8)
      case 0x0D: result += Array("\\r".utf8)
      default: result.append(byte)
      }
    }
    return result + [UInt8(ascii: ")")]
  }

  /// A text string of a document's description: UTF-16 with its byte order mark, in hexadecimal.
  static func text(_ text: String) -> String {
    "<FEFF"
      + text.utf16.map { unit in
        let digits = String(unit, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
      }.joined() + ">"
  }
}
