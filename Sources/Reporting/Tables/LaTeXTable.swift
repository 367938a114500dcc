extension Table {
  /// A `table` environment after the rules of `booktabs` (needs `\usepackage{booktabs}`): no vertical rules, best values
  /// bold, second best underlined.
  /// - Parameter label: for `\ref`, such as `tab:cross`; characters other than letters, digits, `:`, `-` are replaced by `-`.
  public func latex(label: String) -> String {
    let numeric = columns.indices.map(isNumeric)
    let safeLabel = String(
      label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ":" || $0 == "-") ? $0 : "-" })
    var text = "\\begin{table}[tbp]\n  \\centering\n  \\caption{\(LaTeX.escaped(caption))}\n  \\label{\(safeLabel)}\n"
    text += "  \\begin{tabular}{\(numeric.map { $0 ? "r" : "l" }.joined())}\n    \\toprule\n"
    if hasGroups {
      let groups = columnGroups
      let cells = groups.map { group in
        group.title.map { "\\multicolumn{\(group.count)}{c}{\(LaTeX.escaped($0))}" } ?? ""
      }
      text += "    " + cells.joined(separator: " & ") + " \\\\\n"
      for group in groups where group.title != nil {
        text += "    \\cmidrule(lr){\(group.start + 1)-\(group.start + group.count)}\n"
      }
    }
    let titles = columns.map { LaTeX.escaped($0.title + ($0.unit.map { " (\($0))" } ?? "")) }
    text += "    " + titles.joined(separator: " & ") + " \\\\\n"
    for (index, section) in sections.enumerated() {
      text += "    \\midrule\n"
      if let title = section.title {
        text += "    \\multicolumn{\(columns.count)}{l}{\\emph{\(LaTeX.escaped(title))}} \\\\\n"
      }
      let marks = marks(index)
      for (r, row) in section.rows.enumerated() {
        let cells = row.indices.map { c in
          let cell = LaTeX.escaped(printed(row[c], columns[c]))
          return switch marks[r][c] {
          case .best: "\\textbf{\(cell)}"
          case .second: "\\underline{\(cell)}"
          case nil: cell
          }
        }
        // A bracket after the line break of the row before would be read as its optional argument.
        let line = cells.joined(separator: " & ")
        text += "    " + (line.hasPrefix("[") ? "{}" : "") + line + " \\\\\n"
      }
    }
    text += "    \\bottomrule\n  \\end{tabular}\n"
    for note in notes { text += "  \\par\\smallskip{\\footnotesize \(LaTeX.escaped(note))}\n" }
    return text + "\\end{table}\n"
  }
}

/// Text for LaTeX.
public enum LaTeX {
  /// Escapes the ten special characters and writes typographic signs as commands; other characters pass (UTF-8 input).
  public static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\textbackslash{}"
      case "{", "}", "$", "&", "#", "_", "%": result += "\\" + String(scalar)
      case "^": result += "\\textasciicircum{}"
      case "~": result += "\\textasciitilde{}"
      case "<": result += "\\textless{}"
      case ">": result += "\\textgreater{}"
      case "|": result += "\\textbar{}"
      case "\"": result += "\\textquotedbl{}"
      case "±": result += "$\\pm$"
      case "−": result += "$-$"
      case "×": result += "$\\times$"
      case "∞": result += "$\\infty$"
      case "→": result += "$\\rightarrow$"
      case "≤": result += "$\\leq$"
      case "≥": result += "$\\geq$"
      case "τ": result += "$\\tau$"
      case "·": result += "$\\cdot$"
      case "–": result += "--"
      case "—": result += "---"
      case "…": result += "\\ldots{}"
      case "\u{A0}": result += "~"
      case "\n", "\r", "\t": result += " "
      case let c where c.value < 0x20 || c.value == 0x7F: continue
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
