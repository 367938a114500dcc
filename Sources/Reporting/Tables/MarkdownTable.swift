extension Table {
  /// GitHub's table syntax, columns padded so that the source reads well too. Best values bold, second best in italics.
  public var markdown: String {
    let numeric = columns.indices.map(isNumeric)
    var lines: [[String]] = [columns.map { Table.markdownEscaped($0.fullTitle) }]
    for (index, section) in sections.enumerated() {
      if let title = section.title {
        lines.append(["**" + Table.markdownEscaped(title) + "**"] + columns.dropFirst().map { _ in "" })
      }
      let marks = marks(index)
      for (r, row) in section.rows.enumerated() {
        lines.append(
          row.indices.map { c in
            let text = Table.markdownEscaped(printed(row[c], columns[c]))
            return switch marks[r][c] {
            case .best: "**\(text)**"
            case .second: "*\(text)*"
            case nil: text
            }
          })
      }
    }
    let widths = columns.indices.map { c in max(3, lines.map { $0[c].count }.max() ?? 3) }
    func line(_ cells: [String]) -> String {
      "| "
        + cells.enumerated().map { c, text in
          let space = String(repeating: " ", count: widths[c] - text.count)
          return numeric[c] ? space + text : text + space
        }.joined(separator: " | ") + " |"
    }
    let rule =
      "| "
      + widths.enumerated().map { c, width in
        numeric[c] ? String(repeating: "-", count: width - 1) + ":" : String(repeating: "-", count: width)
      }.joined(separator: " | ") + " |"
    var text = line(lines[0]) + "\n" + rule + "\n" + lines.dropFirst().map { line($0) + "\n" }.joined()
    text += "\n" + Table.markdownEscaped(caption) + "\n"
    for note in notes { text += "\n" + Table.markdownEscaped(note) + "\n" }
    if hasMarks { text += "\nBold: best. Italics: second best.\n" }
    return text
  }

  /// Escapes what Markdown would take for markup inside a table cell.
  static func markdownEscaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\", "|", "*", "_", "`", "<", ">", "[", "]", "#", "~", "&": result += "\\" + String(character)
      case "\n", "\r", "\r\n": result += " "
      default: result.append(character)
      }
    }
    return result
  }
}
