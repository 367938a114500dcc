import Basics

/// Comma-separated values after RFC 4180: quotes where needed, quotes doubled inside.
public enum CSV {
  /// Details in which files differ that every reader takes.
  public enum Dialect: Sendable {
    /// CRLF between records; fields with a space at an end are quoted. For files that leave the project.
    case exchange
    /// LF between records; quotes only where the format asks for them. For the results of stages, whose bytes are in keys.
    case result
  }

  public static func encode(_ records: [[String]], _ dialect: Dialect = .exchange) -> String {
    var text = ""
    for record in records {
      text += record.map { field($0, dialect) }.joined(separator: ",")
      text += dialect == .exchange ? "\r\n" : "\n"
    }
    return text
  }

  private static func field(_ text: String, _ dialect: Dialect) -> String {
    let special = text.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
    let edges = dialect == .exchange && (text.utf8.first == 0x20 || text.utf8.last == 0x20)
    return special || edges ? "\"" + text.replacingAll("\"", with: "\"\"") + "\"" : text
  }

  /// An error in a file, and its line.
  public struct Problem: ReadableError, Hashable {
    public var line: Int
    public var reason: String
    public var message: String { "line \(line): \(reason)" }
  }

  /// Reads records; accepts LF as well as CRLF, a byte-order mark, and a missing end of line at the end.
  /// - Throws: `Problem` for a quote that is not closed or text after a closing quote.
  public static func decode(_ text: String) throws -> [[String]] {
    var records: [[String]] = []
    var record: [String] = []
    var bytes: [UInt8] = []
    var line = 1
    var quoteLine = 1
    enum State { case start, plain, quoted, closed }
    var state = State.start
    func endField() {
      record.append(String(decoding: bytes, as: UTF8.self))
      bytes.removeAll(keepingCapacity: true)
      state = .start
    }
    func endRecord() {
      endField()
      records.append(record)
      record = []
    }
    var input = Array(text.utf8)[...]
    if input.starts(with: [0xEF, 0xBB, 0xBF]) { input = input.dropFirst(3) }
    var index = input.startIndex
    while index < input.endIndex {
      let byte = input[index]
      let next = index + 1 < input.endIndex ? input[index + 1] : 0
      switch (state, byte) {
      case (.quoted, 0x22) where next == 0x22:
        bytes.append(0x22)
        index += 1
      case (.quoted, 0x22): state = .closed
      case (.quoted, _):
        if byte == 0x0A { line += 1 }
        bytes.append(byte)
      case (.start, 0x22):
        state = .quoted
        quoteLine = line
      case (_, 0x2C):
        endField()
        // A comma at the very end still opens one more, empty, field.
        if index + 1 == input.endIndex { endRecord() }
      case (_, 0x0D) where next == 0x0A: break
      case (_, 0x0A):
        endRecord()
        line += 1
      case (.closed, _): throw Problem(line: line, reason: "text after a closing quote")
      default:
        bytes.append(byte)
        state = .plain
      }
      index += 1
    }
    if case .quoted = state { throw Problem(line: quoteLine, reason: "a quote is not closed") }
    if !record.isEmpty || state == .plain || state == .closed { endRecord() }
    return records
  }

  /// Reads a file with a header into rows by column name.
  /// - Throws: `Problem` also for a row whose number of fields differs from the header's.
  public static func decodeRows(_ text: String) throws -> (header: [String], rows: [[String]]) {
    let records = try decode(text)
    guard let header = records.first else { throw Problem(line: 1, reason: "the file is empty") }
    var rows: [[String]] = []
    for (index, record) in records.dropFirst().enumerated() where record != [""] {
      guard record.count == header.count else {
        throw Problem(line: index + 2, reason: "\(record.count) fields where the header has \(header.count)")
      }
      rows.append(record)
    }
    return (header, rows)
  }
}

extension Table {
  /// Exact values, one record for each row; deviations and bounds of intervals in columns of their own.
  public var csv: String {
    let extras = columns.indices.map { c -> [String] in
      let cells = sections.lazy.flatMap(\.rows).map { $0[c] }
      if cells.contains(where: { if case .interval = $0 { true } else { false } }) { return ["low", "high"] }
      return cells.contains { if case .deviation = $0 { true } else { false } } ? ["sd"] : []
    }
    var header: [String] = hasSections ? [sectionTitle] : []
    for (index, column) in columns.enumerated() {
      header.append(column.fullTitle)
      header += extras[index].map { "\(column.fullTitle) \($0)" }
    }
    var records = [header]
    for section in sections {
      for row in section.rows {
        var record: [String] = hasSections ? [section.title ?? ""] : []
        for (index, cell) in row.enumerated() {
          var fields: [String] =
            switch cell {
            case .text(let text): [text]
            case .integer(let n), .count(let n): [String(n)]
            case .number(let x): [Numbers.exact(x)]
            case .deviation(let x, let sd): [Numbers.exact(x), Numbers.exact(sd)]
            case .interval(let x, let low, let high): [Numbers.exact(x), Numbers.exact(low), Numbers.exact(high)]
            case .missing: [""]
            }
          while fields.count < 1 + extras[index].count { fields.append("") }
          record += fields
        }
        records.append(record)
      }
    }
    return CSV.encode(records)
  }
}
