import Foundation

extension Drawing {
  /// The chart as a one-page PDF of its own size (1 px = 0.75 pt) in the light theme's colours, for \includegraphics: vectors,
  /// text as text. It uses the fonts every reader has, which are not embedded; nil when a label needs characters that these
  /// lack (scripts other than Latin and Greek).
  public var pdf: Data? {
    var writer = FigureWriter(height: height)
    writer.rectangle(x: 0, y: 0, width: width, height: height, fill: .tone(.paper))
    for mark in marks {
      guard writer.draw(mark) else { return nil }
    }
    var file = PDFFile()
    let content = file.addStream(writer.content)
    let fonts = StandardFont.allCases.map { font in
      let encoding = font.hasLatinEncoding ? " /Encoding /WinAnsiEncoding" : ""
      let number = file.add("<< /Type /Font /Subtype /Type1 /BaseFont /\(font.rawValue)\(encoding) >>")
      return "/\(font.resource) \(number) 0 R"
    }.joined(separator: " ")
    let opacities = writer.opacities.enumerated().map { index, value in
      "/G\(index) << /Type /ExtGState /ca \(Drawing.number(value)) /CA \(Drawing.number(value)) >>"
    }.joined(separator: " ")
    // Each of the next two objects names the other, so their numbers are counted ahead.
    let page = StandardFont.allCases.count + 2
    file.add(
      """
      << /Type /Page /Parent \(page + 1) 0 R /MediaBox [0 0 \(Drawing.number(width * 0.75)) \(Drawing.number(height * 0.75))] \
      /Contents \(content) 0 R /Resources << /Font << \(fonts) >> /ExtGState << \(opacities) >> >> >>
      """)
    file.add("<< /Type /Pages /Kids [\(page) 0 R] /Count 1 >>")
    let root = file.add("<< /Type /Catalog /Pages \(page + 1) 0 R >>")
    let info = file.add("<< /Title \(PDFFile.text(title)) /Subject \(PDFFile.text(description)) >>")
    return Data(file.finished(root: root, info: info))
  }
}

/// Writes marks as the operators of a page. A matrix at the start turns the drawing's axes (pixels, y down) into the page's.
private struct FigureWriter {
  private(set) var content: [UInt8] = []
  private(set) var opacities: [Double] = []

  init(height: Double) { put("0.75 0 0 -0.75 0 \(Drawing.number(height * 0.75)) cm") }

  /// False when the mark is a text that the standard fonts cannot show.
  mutating func draw(_ mark: Drawing.Mark) -> Bool {
    switch mark {
    case .rectangle(let x, let y, let width, let height, let radius, let fill, let stroke, _):
      rectangle(x: x, y: y, width: width, height: height, radius: radius, fill: fill, stroke: stroke)
    case .path(let outline, let fill, let stroke, let opacity):
      paint(outline, fill: fill, stroke: stroke, opacity: opacity, round: true)
    case .circle(let x, let y, let radius, let fill, let stroke, let opacity, _):
      let outline = Outline.rectangle(
        x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, radius: radius)
      paint(outline, fill: fill, stroke: stroke, opacity: opacity, round: false)
    case .text(let text, let x, let y, let size, let anchor, let tint, let bold, let underlined, let rotation):
      guard let runs = FontRun.runs(text, bold: bold) else { return false }
      write(runs, x: x, y: y, size: size, anchor: anchor, tint: tint, underlined: underlined, rotation: rotation)
    }
    return true
  }

  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, radius: Double = 0, fill: Drawing.Paint,
    stroke: Drawing.Stroke? = nil
  ) {
    let outline = Outline.rectangle(x: x, y: y, width: max(0, width), height: max(0, height), radius: radius)
    paint(outline, fill: fill, stroke: stroke, opacity: 1, round: false)
  }

  private mutating func paint(
    _ outline: Outline, fill: Drawing.Paint, stroke: Drawing.Stroke?, opacity: Double, round: Bool
  ) {
    let inside = fill.components
    let edge = stroke.flatMap { stroke in stroke.paint.components.map { (stroke, $0) } }
    guard inside != nil || edge != nil else { return }
    put("q")
    if opacity < 1 {
      let index = opacities.firstIndex(of: opacity) ?? opacities.count
      if index == opacities.count { opacities.append(opacity) }
      put("/G\(index) gs")
    }
    if let inside { put(inside + " rg") }
    if let (stroke, colour) = edge {
      put(colour + " RG \(Drawing.number(stroke.width)) w" + (round ? " 1 j" : ""))
      if !stroke.dashes.isEmpty { put("[\(stroke.dashes.map(Drawing.number).joined(separator: " "))] 0 d") }
    }
    for step in outline.steps { put(Self.operators(step)) }
    put(inside == nil ? "S" : edge == nil ? "f" : "B")
    put("Q")
  }

  private mutating func write(
    _ runs: [FontRun], x: Double, y: Double, size: Double, anchor: Drawing.Anchor, tint: Drawing.Paint,
    underlined: Bool, rotation: Double
  ) {
    guard let colour = tint.components else { return }
    let width = Double(runs.map(\.width).reduce(0, +)) / 1000 * size
    let shift =
      switch anchor {
      case .start: 0.0
      case .middle: -width / 2
      case .end: -width
      }
    let angle = rotation * .pi / 180
    let (c, s) = (Self.fine(cos(angle)), Self.fine(sin(angle)))
    let n = Drawing.number
    put("q \(colour) rg")
    // The second axis points up again, or letters would stand on their heads.
    put("1 0 0 1 \(n(x)) \(n(y)) cm \(c) \(s) \(s) \(Self.fine(-cos(angle))) 0 0 cm")
    put("BT \(n(shift)) 0 Td")
    for run in runs {
      put("/\(run.font.resource) \(n(size)) Tf")
      content += Array("[".utf8) + PDFFile.literal(run.bytes)
      put(run.space == 0 ? "] TJ" : " \(-run.space)] TJ")
    }
    put("ET")
    if underlined { put("\(n(shift)) \(n(-0.15 * size)) \(n(width)) \(n(max(0.5, 0.06 * size))) re f") }
    put("Q")
  }

  private mutating func put(_ operators: String) { content += Array((operators + "\n").utf8) }

  private static func operators(_ step: Outline.Step) -> String {
    func text(_ point: Outline.Point) -> String { Drawing.number(point.x) + " " + Drawing.number(point.y) }
    return switch step {
    case .move(let point): text(point) + " m"
    case .line(let point): text(point) + " l"
    case .curve(let a, let b, let end): text(a) + " " + text(b) + " " + text(end) + " c"
    case .close: "h"
    }
  }

  /// Directions need more digits than places: a hundredth would turn a long label visibly.
  private static func fine(_ value: Double) -> String { String(format: "%.6f", value) }
}

extension Drawing.Paint {
  /// Red, green and blue, 0...1, in the light theme; nil paints nothing.
  fileprivate var components: String? {
    let colour: Colour
    switch self {
    case .none: return nil
    case .tone(let tone): colour = Theme.light[tone]
    case .colour(let value): colour = value
    }
    return [colour.red, colour.green, colour.blue].map { String(format: "%.4f", Double($0) / 255) }
      .joined(separator: " ")
  }
}
