import Foundation

/// Writes a report as one self-contained web page: no script, no external file, readable from `file://`, in light and dark,
/// on paper and by assistive technology. Equal documents give equal bytes.
public enum ReportPage {
  public static func html(_ document: ReportDocument) -> String {
    let head = el(
      "head", [:],
      [
        el("meta", ["charset": "utf-8"]),
        el("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        el("meta", ["name": "color-scheme", "content": "light dark"]),
        // Nothing from outside can ever load, whatever a name in the data says.
        el(
          "meta",
          ["http-equiv": "Content-Security-Policy", "content": policy]),
        el("title", [:], text: document.title), el("style", [:], [.styleSheet(StyleSheet.text)]),
      ])
    let body = el(
      "body", [:],
      [
        el("a", ["class": "skip", "href": "#content"], text: "Skip to the content"),
        el(
          "header", ["class": "top"],
          [el("h1", [:], text: document.title), el("p", ["class": "subtitle"], text: document.subtitle)]),
        el("div", ["class": "frame"], [navigation(document.sections), main(document)]),
      ])
    return "<!DOCTYPE html>\n" + el("html", ["lang": "en"], [head, body]).html + "\n"
  }

  private static let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
  private static let livePolicy = policy + "; script-src 'self'; connect-src 'self'; form-action 'self'"

  /// The page as a local server shows it: with a script of the server's that keeps it up to date, and forms that answer it.
  /// - Parameter script: path on the server, such as `/live.js`.
  public static func live(_ page: String, script: String) -> String {
    page.replacingAll(escaped(policy, attribute: true), with: escaped(livePolicy, attribute: true))
      .replacingAll("</head>", with: "<script src=\"\(escaped(script, attribute: true))\" defer=\"\"></script></head>")
  }

  /// The sections alone, as `insert` puts them into a page.
  public static func fragment(_ sections: [ReportDocument.Section]) -> String {
    sections.map { section($0).html }.joined(separator: "\n")
  }

  /// Puts sections into a finished page at a slot, and their titles into its contents. Used for what a stage cannot know
  /// when it writes the page: how the run that made it went.
  /// - Returns: nil when the page has no such slot.
  public static func insert(_ sections: [ReportDocument.Section], into page: String, slot name: String) -> String? {
    let links = sections.map { navigationItem($0).html }.joined(separator: "\n")
    guard page.contains(mark(name).html), page.contains(mark(name + " contents").html) else { return nil }
    return page.replacingAll(mark(name).html, with: "\n" + fragment(sections) + mark(name).html)
      .replacingAll(mark(name + " contents").html, with: "\n" + links + mark(name + " contents").html)
  }

  private static func mark(_ name: String) -> Markup { .comment("slot: \(name)") }

  private static func navigation(_ sections: [ReportDocument.Section]) -> Markup {
    let items = sections.flatMap { section -> [Markup] in
      if section.blocks.count == 1, case .slot(let name) = section.blocks[0] { return [mark(name + " contents")] }
      return [navigationItem(section)]
    }
    return el(
      "nav", ["aria-label": "Contents"], [el("h2", ["class": "quiet"], text: "Contents"), el("ul", [:], items)])
  }

  private static func navigationItem(_ section: ReportDocument.Section) -> Markup {
    el("li", [:], [el("a", ["href": "#\(section.id)"], text: section.title)])
  }

  private static func main(_ document: ReportDocument) -> Markup {
    var children: [Markup] = []
    if !document.facts.isEmpty {
      children.append(
        el(
          "dl", ["class": "facts", "aria-label": "Main results"],
          document.facts.map {
            el("div", [:], [el("dt", [:], text: $0.label), el("dd", [:], text: $0.value)])
          }))
    }
    children += document.sections.map { item in
      if item.blocks.count == 1, case .slot(let name) = item.blocks[0] { return mark(name) }
      return section(item)
    }
    return el("main", ["id": "content", "tabindex": "-1"], children)
  }

  private static func section(_ section: ReportDocument.Section) -> Markup {
    el(
      "section", ["id": section.id, "aria-labelledby": "\(section.id)-title"],
      [el("h2", ["id": "\(section.id)-title"], text: section.title)] + section.blocks.map { block($0) })
  }

  private static func block(_ block: ReportDocument.Block) -> Markup {
    switch block {
    case .paragraph(let text): el("p", [:], prose(text))
    case .bullets(let items): el("ul", ["class": "findings"], items.map { el("li", [:], prose($0)) })
    case .heading(let text): el("h3", [:], text: text)
    case .warning(let text):
      el("p", ["class": "warning", "role": "note"], [el("strong", [:], text: "Note: ")] + prose(text))
    case .table(let id, let table): table.html(id: id)
    case .figures(let figures):
      el("div", ["class": figures.count > 1 ? "figures several" : "figures"], figures.map(figure))
    case .panels(let panels): self.panels(panels)
    case .definitions(let items):
      el(
        "dl", ["class": "definitions"],
        items.map { el("div", [:], [el("dt", [:], text: $0.term), el("dd", [:], text: $0.value)]) })
    case .details(let summary, let blocks):
      el("details", [:], [el("summary", [:], text: summary)] + blocks.map { self.block($0) })
    case .code(let text):
      el(
        "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Source text"],
        [el("pre", [:], [el("code", [:], text: text)])])
    case .form(let form): self.form(form)
    case .slot(let name): mark(name)
    }
  }

  private static func form(_ form: ReportDocument.Form) -> Markup {
    let hidden = form.hidden.map { el("input", ["type": "hidden", "name": $0.name, "value": $0.value]) }
    return el(
      "form", ["method": "post", "action": form.action, "class": "decision"],
      hidden + [
        el(
          "label", [:],
          [
            .text(form.label + " "),
            el("input", ["type": "text", "name": form.field, "maxlength": "500", "autocomplete": "off"]),
          ]), el("button", ["type": "submit"], text: form.button),
      ])
  }

  /// Text in which `` `words` `` are code.
  private static func prose(_ text: String) -> [Markup] {
    let parts = text.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
    // An even number of parts is a mark that was never closed: then nothing is code.
    guard parts.count > 1, parts.count % 2 == 1 else { return [.text(text)] }
    return parts.enumerated().map { $0 % 2 == 1 ? el("code", [:], text: $1) : .text($1) }
  }

  private static func figure(_ figure: ReportDocument.Figure) -> Markup {
    let drawing = figure.chart.drawing
    var children: [Markup] = [
      el("h3", [:], text: drawing.title),
      el(
        "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": drawing.title],
        [drawing.inline(id: figure.id)]),
      el("figcaption", [:], text: figure.caption),
    ]
    if let table = figure.table {
      children.append(
        el("details", [:], [el("summary", [:], text: "The same as a table"), table.html(id: figure.id + "-table")]))
    }
    return el("figure", [:], children)
  }

  private static func panels(_ panels: ReportDocument.ImagePanels) -> Markup {
    var children: [Markup] = panels.rows.map { row in
      el(
        "div", ["class": "panel", "role": "group", "aria-label": row.title],
        [
          el("h4", [:], text: row.title),
          el(
            "div", ["class": row.images.count == 9 ? "pictures nine" : "pictures"],
            row.images.map { image in
              el(
                "figure", [:],
                [
                  el(
                    "img",
                    [
                      "src": "data:image/png;base64," + image.png.base64EncodedString(), "alt": image.alt,
                      "width": "\(image.width)", "height": "\(image.height)", "loading": "lazy",
                    ]),
                  el("figcaption", [:], text: image.caption),
                ])
            }),
        ])
    }
    if let scale = panels.scale {
      children.append(el("div", ["class": "error-scale"], [scale.drawing.inline(id: panels.id + "-scale")]))
    }
    return el("div", ["class": "panels"], children)
  }
}
