extension Drawing {
  private enum Style { case page, file }

  static let fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

  /// For use inside a page whose style sheet defines the tones.
  /// - Parameter id: unique in the page; names the title and description for assistive technology.
  public func inline(id: String) -> Markup { element(.page, id: id) }

  /// A file of its own: well-formed SVG 1.1 with a white background and plain attributes, which every reader (Inkscape,
  /// rsvg-convert, LaTeX's svg package) understands.
  public var svg: String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element(.file, id: "figure").html + "\n"
  }

  private func element(_ style: Style, id: String) -> Markup {
    var children: [Markup] = [
      el("title", ["id": "\(id)-title"], text: title), el("desc", ["id": "\(id)-desc"], text: description),
    ]
    if style == .file {
      children.append(
        el("rect", ["width": Self.number(width), "height": Self.number(height), "fill": Theme.light[.paper].hex]))
    }
    children += marks.map { $0.markup(inPage: style == .page) }
    return el(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(Self.number(width)) \(Self.number(height))",
        "width": Self.number(width), "height": Self.number(height), "role": "img",
        "aria-labelledby": "\(id)-title \(id)-desc", "font-family": style == .file ? Self.fontFamily : nil,
      ], children)
  }
}

extension Drawing.Paint {
  func value(inPage: Bool) -> String {
    switch self {
    case .none: "none"
    case .tone(let tone): inPage ? "var(--\(tone.rawValue))" : Theme.light[tone].hex
    case .colour(let colour): colour.hex
    }
  }
}

extension Drawing.Mark {
  fileprivate func markup(inPage: Bool) -> Markup {
    func fill(_ paint: Drawing.Paint) -> String { paint.value(inPage: inPage) }
    func number(_ value: Double?) -> String? { value.map(Drawing.number) }
    func dashes(_ stroke: Drawing.Stroke?) -> String? {
      guard let stroke, !stroke.dashes.isEmpty else { return nil }
      return stroke.dashes.map(Drawing.number).joined(separator: " ")
    }
    func title(_ tip: String?) -> [Markup] { tip.map { [el("title", [:], text: $0)] } ?? [] }
    switch self {
    case .rectangle(let x, let y, let width, let height, let radius, let paint, let stroke, let tip):
      return el(
        "rect",
        [
          "x": number(x), "y": number(y), "width": number(max(0, width)), "height": number(max(0, height)),
          "rx": radius > 0 ? number(radius) : nil, "fill": fill(paint), "stroke": stroke.map { fill($0.paint) },
          "stroke-width": stroke.flatMap { number($0.width) }, "stroke-dasharray": dashes(stroke),
        ], title(tip))
    case .path(let outline, let paint, let stroke, let opacity):
      return el(
        "path",
        [
          "d": outline.svg, "fill": fill(paint), "stroke": stroke.map { fill($0.paint) },
          "stroke-width": stroke.flatMap { number($0.width) }, "stroke-dasharray": dashes(stroke),
          "stroke-linejoin": stroke == nil ? nil : "round", "opacity": opacity < 1 ? number(opacity) : nil,
        ])
    case .circle(let x, let y, let radius, let paint, let stroke, let opacity, let tip):
      return el(
        "circle",
        [
          "cx": number(x), "cy": number(y), "r": number(radius), "fill": fill(paint),
          "stroke": stroke.map { fill($0.paint) }, "stroke-width": stroke.flatMap { number($0.width) },
          "opacity": opacity < 1 ? number(opacity) : nil,
        ], title(tip))
    case .text(let text, let x, let y, let size, let anchor, let paint, let bold, let underlined, let rotation):
      return el(
        "text",
        [
          "x": number(x), "y": number(y), "font-size": number(size),
          "text-anchor": anchor == .start ? nil : anchor.rawValue, "fill": fill(paint),
          "font-weight": bold ? "700" : nil, "text-decoration": underlined ? "underline" : nil,
          "transform": rotation == 0
            ? nil : "rotate(\(Drawing.number(rotation)) \(Drawing.number(x)) \(Drawing.number(y)))",
        ], text: text)
    }
  }
}
