extension Table {
  /// Aligned columns for a terminal or a mail; best values carry a `*`.
  public var plainText: String {
    let numeric = columns.indices.map(isNumeric)
    var lines: [[String]?] = [columns.map(\.fullTitle), nil]
    for (index, section) in sections.enumerated() {
      if index > 0 { lines.append(nil) }
      if let title = section.title { lines.append([title] + columns.dropFirst().map { _ in "" }) }
      let marks = marks(index)
      for (r, row) in section.rows.enumerated() {
        lines.append(
          row.indices.map { c in
            let text = printed(row[c], columns[c])
            // A place for the mark also where there is none keeps the digits in line.
            return numeric[c] && columns[c].best != nil ? text + (marks[r][c] == .best ? "*" : " ") : text
          })
      }
    }
    let widths = columns.indices.map { c in lines.compactMap { $0?[c].count }.max() ?? 0 }
    let rule = String(repeating: "-", count: widths.reduce(0, +) + 2 * max(0, widths.count - 1))
    var text = caption + "\n"
    for line in lines {
      guard let line else {
        text += rule + "\n"
        continue
      }
      let padded = line.enumerated().map { c, cell in
        let space = String(repeating: " ", count: widths[c] - cell.count)
        return numeric[c] ? space + cell : cell + space
      }.joined(separator: "  ")
      text += String(padded.reversed().drop { $0 == " " }.reversed()) + "\n"
    }
    for note in notes { text += note + "\n" }
    if hasMarks { text += "* best\(hasSections ? " of its group" : "")\n" }
    return text
  }
}
