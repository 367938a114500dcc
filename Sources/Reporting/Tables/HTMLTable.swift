extension Table {
  /// A table with caption, scopes and best values marked by weight and underline, never by colour alone, inside a region that
  /// scrolls sideways on narrow screens.
  public func html(id: String) -> Markup {
    let numeric = columns.indices.map(isNumeric)
    let alignment = numeric.map { $0 ? "n" : nil }
    var head: [Markup] = []
    if hasGroups {
      head.append(
        el(
          "tr", [:],
          columnGroups.map { group in
            guard let title = group.title else { return el("td", ["colspan": "\(group.count)"]) }
            return el("th", ["colspan": "\(group.count)", "scope": "colgroup", "class": "group"], text: title)
          }))
    }
    head.append(
      el(
        "tr", [:],
        columns.indices.map { c in
          var content: [Markup] = [.text(columns[c].title)]
          if let unit = columns[c].unit { content.append(el("span", ["class": "unit"], text: " (\(unit))")) }
          return el("th", ["scope": "col", "class": alignment[c]], content)
        }))

    var bodies: [Markup] = []
    for (index, section) in sections.enumerated() {
      let marks = marks(index)
      var rows: [Markup] = []
      if let title = section.title {
        rows.append(
          el(
            "tr", ["class": "section"],
            [el("th", ["colspan": "\(columns.count)", "scope": "rowgroup"], text: title)]))
      }
      for (r, row) in section.rows.enumerated() {
        rows.append(
          el(
            "tr", [:],
            row.indices.map { c in
              let text = printed(row[c], columns[c])
              let content: [Markup] =
                switch marks[r][c] {
                case .best: [el("strong", [:], text: text)]
                case .second: [el("u", [:], text: text)]
                case nil: [.text(text)]
                }
              return c == 0
                ? el("th", ["scope": "row", "class": alignment[c]], content)
                : el("td", ["class": alignment[c]], content)
            }))
      }
      bodies.append(el("tbody", [:], rows))
    }

    var legend = notes
    if hasMarks { legend.append("Bold: best; underlined: second best" + (hasSections ? " in its group." : ".")) }
    var blocks: [Markup] = [
      el(
        "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-labelledby": "\(id)-caption"],
        [
          el(
            "table", ["id": id],
            [el("caption", ["id": "\(id)-caption"], [el("span", [:], text: caption)]), el("thead", [:], head)] + bodies)
        ])
    ]
    if !legend.isEmpty { blocks.append(el("p", ["class": "legend"], text: legend.joined(separator: " "))) }
    return el("div", ["class": "table"], blocks)
  }
}
