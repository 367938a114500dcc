/// A table of typed cells. Written as CSV (exact values), Markdown, LaTeX (booktabs) and HTML (rounded for people, best
/// value of each column marked).
public struct Table: Hashable, Sendable {
  /// Which numbers these are and under which protocol they were measured: required of every table.
  public var caption: String
  public var columns: [Column]
  /// Groups of rows, such as one for each test set; best values are marked within a group.
  public var sections: [Section]
  /// The kind of the sections, such as `Test set`: the first column of the CSV. Unused with a single untitled section.
  public var sectionTitle: String
  public var notes: [String]

  public init(
    caption: String, columns: [Column], sections: [Section], sectionTitle: String = "Group", notes: [String] = []
  ) {
    self.caption = caption
    self.columns = columns
    self.sections = sections
    self.sectionTitle = sectionTitle
    self.notes = notes
    for row in sections.flatMap(\.rows) {
      precondition(row.count == columns.count, "a row of \(row.count) cells in a table of \(columns.count) columns")
    }
  }

  /// A table of one group.
  public init(caption: String, columns: [Column], rows: [[Cell]], notes: [String] = []) {
    self.init(caption: caption, columns: columns, sections: [Section(title: nil, rows: rows)], notes: notes)
  }

  public struct Column: Hashable, Sendable {
    public enum Best: Hashable, Sendable { case highest, lowest }

    public var title: String
    public var unit: String?
    /// Printed above a run of neighbouring columns with the same group, such as `PSNR`.
    public var group: String?
    /// Digits after the point.
    public var decimals: Int
    public var best: Best?
    /// Differences carry their sign.
    public var signed: Bool

    public init(
      _ title: String, unit: String? = nil, group: String? = nil, decimals: Int = 2, best: Best? = nil,
      signed: Bool = false
    ) {
      self.title = title
      self.unit = unit
      self.group = group
      self.decimals = decimals
      self.best = best
      self.signed = signed
    }

    /// `PSNR, per sample (dB)`.
    public var fullTitle: String { (group.map { $0 + ", " } ?? "") + title + (unit.map { " (\($0))" } ?? "") }
  }

  public struct Section: Hashable, Sendable {
    public var title: String?
    public var rows: [[Cell]]
    public init(title: String?, rows: [[Cell]]) {
      self.title = title
      self.rows = rows
    }
  }

  public enum Cell: Hashable, Sendable {
    case text(String)
    case integer(Int)
    /// Printed `7.77 M`.
    case count(Int)
    case number(Double)
    /// A mean and its standard deviation, printed `46.2 ± 0.3`.
    case deviation(Double, Double)
    /// A mean and the bounds of its interval, printed `46.2 [45.9, 46.5]`.
    case interval(Double, low: Double, high: Double)
    case missing

    /// The rule for the best value of a column.
    var value: Double? {
      switch self {
      case .number(let x), .deviation(let x, _), .interval(let x, _, _): x
      case .integer(let n), .count(let n): Double(n)
      case .text, .missing: nil
      }
    }
  }

  public enum Mark: Hashable, Sendable { case best, second }

  /// Best and second-best cells of a section. Values equal as printed share a mark; a column with fewer than two different
  /// values has none.
  public func marks(_ section: Int) -> [[Mark?]] {
    let rows = sections[section].rows
    var marks = rows.map { _ in [Mark?](repeating: nil, count: columns.count) }
    for (c, column) in columns.enumerated() {
      guard let best = column.best else { continue }
      let printed: [(row: Int, text: String, value: Double)] = rows.indices.compactMap { r in
        guard let value = rows[r][c].value, !value.isNaN else { return nil }
        return (r, Numbers.fixed(value, column.decimals), value)
      }
      let ranked = printed.sorted { best == .highest ? $0.value > $1.value : $0.value < $1.value }
      var distinct: [String] = []
      for entry in ranked where !distinct.contains(entry.text) { distinct.append(entry.text) }
      guard distinct.count > 1 else { continue }
      for entry in ranked {
        if entry.text == distinct[0] { marks[entry.row][c] = .best }
        if distinct.count > 2, entry.text == distinct[1] { marks[entry.row][c] = .second }
      }
    }
    return marks
  }

  /// A cell as people read it.
  public func printed(_ cell: Cell, _ column: Column) -> String {
    switch cell {
    case .text(let text): text
    case .integer(let n): Numbers.grouped(n)
    case .count(let n): Numbers.count(n)
    case .number(let x): Numbers.display(x, column.decimals, signed: column.signed)
    case .deviation(let x, let sd):
      Numbers.display(x, column.decimals, signed: column.signed) + " ± " + Numbers.display(sd, column.decimals)
    case .interval(let x, let low, let high):
      Numbers.display(x, column.decimals, signed: column.signed) + " ["
        + Numbers.display(low, column.decimals, signed: column.signed) + ", "
        + Numbers.display(high, column.decimals, signed: column.signed) + "]"
    case .missing: "–"
    }
  }

  /// Whether a column holds numbers, and so is aligned to the right.
  func isNumeric(_ column: Int) -> Bool {
    var found = false
    for row in sections.lazy.flatMap(\.rows) {
      switch row[column] {
      case .text: return false
      case .missing: continue
      default: found = true
      }
    }
    return found
  }

  /// Runs of neighbouring columns with the same group: (group, first column, count).
  var columnGroups: [(title: String?, start: Int, count: Int)] {
    var groups: [(title: String?, start: Int, count: Int)] = []
    for (index, column) in columns.enumerated() {
      if let last = groups.last, last.title == column.group, last.title != nil {
        groups[groups.count - 1].count += 1
      } else {
        groups.append((column.group, index, 1))
      }
    }
    return groups
  }

  var hasGroups: Bool { columns.contains { $0.group != nil } }
  var hasSections: Bool { sections.contains { $0.title != nil } }
  var hasMarks: Bool { sections.indices.contains { marks($0).contains { $0.contains { $0 != nil } } } }
}
