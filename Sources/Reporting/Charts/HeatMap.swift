/// A matrix of numbers as coloured cells with the numbers printed in them: rows are what was trained, columns what was
/// tested. Colours never carry a meaning alone.
public struct HeatMap: Chart, Hashable, Sendable {
  public enum Colours: Hashable, Sendable {
    /// Dark to light from the worst to the best value.
    case sequential(higherIsBetter: Bool)
    /// White at zero; orange on the worse side, blue on the better.
    case diverging(higherIsBetter: Bool)
  }

  public var title: String
  public var rowTitle: String
  public var columnTitle: String
  public var rows: [String]
  public var columns: [String]
  /// Row-major; nil for a cell that was not measured.
  public var values: [[Double?]]
  public var decimals: Int
  public var unit: String?
  public var colours: Colours
  /// Cells with a frame, such as those where training and test agree: row to column.
  public var framed: [Int: Int]

  public init(
    title: String, rowTitle: String, columnTitle: String, rows: [String], columns: [String], values: [[Double?]],
    decimals: Int, unit: String? = nil, colours: Colours, framed: [Int: Int] = [:]
  ) {
    precondition(
      values.count == rows.count && values.allSatisfy { $0.count == columns.count },
      "a heat map needs a value for each of \(rows.count) rows and \(columns.count) columns")
    self.title = title
    self.rowTitle = rowTitle
    self.columnTitle = columnTitle
    self.rows = rows
    self.columns = columns
    self.values = values
    self.decimals = decimals
    self.unit = unit
    self.colours = colours
    self.framed = framed
  }

  private var signed: Bool { if case .diverging = colours { true } else { false } }
  private var higherIsBetter: Bool {
    switch colours {
    case .sequential(let higher), .diverging(let higher): higher
    }
  }

  /// Position of a value in its colour map, 0...1.
  func shade(_ value: Double) -> Double {
    let finite = values.joined().compactMap { $0 }.filter(\.isFinite)
    switch colours {
    case .sequential:
      guard let low = finite.min(), let high = finite.max(), high > low else { return 0.5 }
      let t = value.isFinite ? (value - low) / (high - low) : value > 0 ? 1 : 0
      return higherIsBetter ? t : 1 - t
    case .diverging:
      let limit = finite.map(abs).max() ?? 0
      guard limit > 0 else { return 0.5 }
      let t = 0.5 + 0.5 * (value.isFinite ? value / limit : value > 0 ? 1 : -1)
      return higherIsBetter ? t : 1 - t
    }
  }

  private var map: ColourRamp { signed ? .difference : .cividis }

  /// The colour of a cell and of the number on it (contrast at least 4.5).
  public func colour(_ value: Double) -> (cell: Colour, text: Colour) {
    let cell = map(shade(value))
    return (cell, cell.readableText)
  }

  /// Row of the best value in each column; none when all are equal as printed.
  public func bestRows() -> [Int?] {
    columns.indices.map { c in
      let column = rows.indices.compactMap { r in values[r][c].map { (r, $0) } }.filter { !$0.1.isNaN }
      guard let best = higherIsBetter ? column.max(by: { $0.1 < $1.1 }) : column.min(by: { $0.1 < $1.1 }),
        column.contains(where: { Numbers.fixed($0.1, decimals) != Numbers.fixed(best.1, decimals) })
      else { return nil }
      return best.0
    }
  }

  public var drawing: Drawing {
    let cellWidth = min(92.0, max(64, 370 / Double(max(1, columns.count))))
    let cellHeight = 42.0
    let rowLabels = rows.map { Drawing.fitted($0, width: 190, size: 13) }
    let labelWidth = max(70, (rowLabels.map { Drawing.textWidth($0) }.max() ?? 0) + 18)
    let columnLabels = columns.map { Self.wrapped($0, width: cellWidth - 6) }
    let labelHeight = Double(columnLabels.map(\.count).max() ?? 1) * 15 + 8
    let left = labelWidth + 22
    let top = 28 + labelHeight
    let gridWidth = cellWidth * Double(columns.count)
    let gridHeight = cellHeight * Double(rows.count)
    let width = left + gridWidth + 8
    let height = top + gridHeight + 52
    let best = bestRows()

    var drawing = Drawing(width: width, height: height, title: title, description: summary)
    drawing.text(columnTitle, x: left + gridWidth / 2, y: 15, size: 12.5, anchor: .middle, paint: .tone(.muted))
    drawing.text(
      rowTitle, x: 14, y: top + gridHeight / 2, size: 12.5, anchor: .middle, paint: .tone(.muted), rotation: -90)
    for (c, lines) in columnLabels.enumerated() {
      for (index, line) in lines.enumerated() {
        drawing.text(
          line, x: left + (Double(c) + 0.5) * cellWidth, y: top - 8 - Double(lines.count - 1 - index) * 15, size: 13,
          anchor: .middle)
      }
    }
    for (r, label) in rowLabels.enumerated() {
      drawing.text(label, x: left - 9, y: top + (Double(r) + 0.5) * cellHeight + 4.5, size: 13, anchor: .end)
      for c in columns.indices {
        let x = left + Double(c) * cellWidth
        let y = top + Double(r) * cellHeight
        guard let value = values[r][c] else {
          drawing.rectangle(
            x: x + 1, y: y + 1, width: cellWidth - 2, height: cellHeight - 2, radius: 3, fill: .tone(.surface))
          drawing.text(
            "–", x: x + cellWidth / 2, y: y + cellHeight / 2 + 5, size: 14, anchor: .middle, paint: .tone(.muted))
          continue
        }
        let (cell, text) = colour(value)
        let printed = Numbers.display(value, decimals, signed: signed)
        drawing.rectangle(
          x: x + 1, y: y + 1, width: cellWidth - 2, height: cellHeight - 2, radius: 3, fill: .colour(cell),
          tip: "\(rows[r]) → \(columns[c]): \(printed)\(unit.map { " " + $0 } ?? "")")
        if framed[r] == c {
          drawing.rectangle(
            x: x + 3.5, y: y + 3.5, width: cellWidth - 7, height: cellHeight - 7, radius: 2,
            stroke: .init(.colour(text), width: 1.5))
        }
        let isBest = best[c] == r
        let size = min(14, 14 * (cellWidth - 12) / Drawing.textWidth(printed, size: 14, bold: isBest))
        drawing.text(
          printed, x: x + cellWidth / 2, y: y + cellHeight / 2 + 5, size: size, anchor: .middle, paint: .colour(text),
          bold: isBest, underlined: isBest)
      }
    }
    drawScale(in: &drawing, x: left, y: top + gridHeight + 14, width: gridWidth)
    return drawing
  }

  private func drawScale(in drawing: inout Drawing, x: Double, y: Double, width: Double) {
    let finite = values.joined().compactMap { $0 }.filter(\.isFinite)
    guard let least = finite.min(), let most = finite.max(), least < most else { return }
    let limit = finite.map(abs).max() ?? 0
    let low = signed ? -limit : least
    let high = signed ? limit : most
    let steps = 48
    for step in 0..<steps {
      let value = low + (high - low) * (Double(step) + 0.5) / Double(steps)
      drawing.rectangle(
        x: x + width * Double(step) / Double(steps), y: y, width: width / Double(steps) + 0.4, height: 9,
        fill: .colour(colour(value).cell))
    }
    let suffix = unit.map { " " + $0 } ?? ""
    drawing.text(
      Numbers.display(low, decimals, signed: signed) + suffix, x: x, y: y + 24, size: 12, paint: .tone(.muted))
    drawing.text(
      higherIsBetter ? "higher is better" : "lower is better", x: x + width / 2, y: y + 24, size: 12, anchor: .middle,
      paint: .tone(.muted))
    drawing.text(
      Numbers.display(high, decimals, signed: signed) + suffix, x: x + width, y: y + 24, size: 12, anchor: .end,
      paint: .tone(.muted))
  }

  /// The matrix in one sentence for each row, for readers who cannot see it.
  private var summary: String {
    let lines = rows.indices.map { r in
      rows[r] + ": "
        + columns.indices.map { c in
          columns[c] + " " + (values[r][c].map { Numbers.display($0, decimals, signed: signed) } ?? "not measured")
        }.joined(separator: ", ")
    }
    return "Rows: \(rowTitle). Columns: \(columnTitle). " + lines.joined(separator: ". ") + "."
  }

  /// Breaks a label at spaces into lines that fit.
  static func wrapped(_ text: String, width: Double, size: Double = 13) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, Drawing.textWidth(last + " " + word, size: size) <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.prefix(3).map { Drawing.fitted($0, width: width, size: size) }
  }
}
