import CCairo
import Foundation

/// Why a figure cannot be painted as PDF or PNG; its SVG always exists.
public enum FigureProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// Cairo or its font is missing on this machine: the reason. No figure can be painted.
  case unavailable(String)
  /// The font lacks a character of this text, or its script needs more than one glyph after the other.
  case text(String)
  case failed(String)

  public var description: String {
    switch self {
    case .unavailable(let reason): "\(reason); on Debian and Ubuntu: apt-get install libcairo2 fonts-dejavu-core"
    case .text(let text): "the font DejaVu Sans cannot show `\(text)`"
    case .failed(let reason): "cairo failed: \(reason)"
    }
  }
}

extension Drawing {
  /// The chart as a one-page PDF of its own size (1 px = 0.75 pt) in the light theme's colours, for \includegraphics: vectors,
  /// text as text, its font embedded. Equal drawings give equal bytes with one version of cairo.
  public func pdf(font: FigureFont = .installed) throws(FigureProblem) -> Data {
    let canvas = try Canvas(font: font) {
      figure_open_pdf(width, height, 0.75, title, description)
    }
    return try canvas.paint(self)
  }

  /// The chart as a PNG in the light theme's colours, for slides and messages.
  /// - Parameter scale: pixels for each pixel of the drawing.
  public func png(scale: Int = 2, font: FigureFont = .installed) throws(FigureProblem) -> Data {
    let canvas = try Canvas(font: font) {
      figure_open_png(width, height, Double(scale))
    }
    return try canvas.paint(self)
  }
}

/// The files of the font that painted figures use: DejaVu Sans, whose one release of 2016 every distribution has, so that the same
/// letters come out everywhere.
public struct FigureFont: Hashable, Sendable {
  /// Folders to look in; the first with both files counts.
  public var folders: [String]

  public init(folders: [String]) { self.folders = folders }

  /// Where Debian and Ubuntu, Fedora, older Fedora and RHEL, Arch, openSUSE and administrators put it.
  public static let installed = FigureFont(folders: [
    "/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/dejavu",
    "/usr/share/fonts/TTF", "/usr/share/fonts/truetype", "/usr/local/share/fonts",
  ])

  fileprivate func load() throws(FigureProblem) {
    if let problem = figure_library_problem() { throw .unavailable(String(cString: problem)) }
    for folder in folders {
      let files = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map { folder + "/" + $0 }
      guard files.allSatisfy(FileManager.default.isReadableFile) else { continue }
      if let problem = figure_font_problem(files[0], files[1]) { throw .unavailable(String(cString: problem)) }
      return
    }
    throw .unavailable("the font DejaVu Sans is not installed (looked in \(folders.joined(separator: ", ")))")
  }
}

/// Paints marks with cairo: one picture, then it is used up.
private struct Canvas: ~Copyable {
  private var figure: OpaquePointer?

  init(font: FigureFont, open: () -> OpaquePointer?) throws(FigureProblem) {
    try font.load()
    figure = open()
    if figure == nil { throw .failed("out of memory") }
  }

  deinit { if let figure { _ = figure_finish(figure, nil, nil) } }

  consuming func paint(_ drawing: Drawing) throws(FigureProblem) -> Data {
    paint(
      Outline.rectangle(x: 0, y: 0, width: drawing.width, height: drawing.height, radius: 0), fill: .tone(.paper),
      stroke: nil, opacity: 1, roundJoins: false)
    for mark in drawing.marks { try paint(mark) }
    var data = Data()
    let problem = withUnsafeMutablePointer(to: &data) { pointer in
      figure_finish(
        figure,
        { bytes, count, context in
          guard let bytes, let context else { return }
          context.assumingMemoryBound(to: Data.self).pointee.append(bytes, count: count)
        }, pointer)
    }
    figure = nil
    if let problem { throw .failed(String(cString: problem)) }
    return data
  }

  private func paint(_ mark: Drawing.Mark) throws(FigureProblem) {
    switch mark {
    case .rectangle(let x, let y, let width, let height, let radius, let fill, let stroke, _):
      paint(
        Outline.rectangle(x: x, y: y, width: max(0, width), height: max(0, height), radius: radius), fill: fill,
        stroke: stroke, opacity: 1, roundJoins: false)
    case .path(let outline, let fill, let stroke, let opacity):
      paint(outline, fill: fill, stroke: stroke, opacity: opacity, roundJoins: true)
    case .circle(let x, let y, let radius, let fill, let stroke, let opacity, _):
      paint(
        Outline.rectangle(x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, radius: radius),
        fill: fill, stroke: stroke, opacity: opacity, roundJoins: false)
    case .text(let text, let x, let y, let size, let anchor, let paint, let bold, let underlined, let rotation):
      guard let colour = paint.colour else { return }
      let composed = text.precomposedStringWithCanonicalMapping
      let isShown =
        composed.unicodeScalars.allSatisfy(\.standsAlone)
        && figure_text(
          figure, composed, x, y, size, anchor.value, bold ? 1 : 0, underlined ? 1 : 0, rotation * .pi / 180,
          figure_colour(colour, opacity: 1)) == 1
      guard isShown else { throw .text(text) }
    }
  }

  private func paint(
    _ outline: Outline, fill: Drawing.Paint, stroke: Drawing.Stroke?, opacity: Double, roundJoins: Bool
  ) {
    for step in outline.steps {
      switch step {
      case .move(let point): figure_move(figure, point.x, point.y)
      case .line(let point): figure_line(figure, point.x, point.y)
      case .curve(let a, let b, let end): figure_curve(figure, a.x, a.y, b.x, b.y, end.x, end.y)
      case .close: figure_close_path(figure)
      }
    }
    let inside = fill.colour.map { figure_colour($0, opacity: opacity) }
    let edge = stroke.flatMap { stroke in stroke.paint.colour.map { (stroke, figure_colour($0, opacity: opacity)) } }
    (edge?.0.dashes ?? []).withUnsafeBufferPointer { dashes in
      let line = edge.map { stroke, colour in
        figure_stroke(
          colour: colour, width: stroke.width, dashes: dashes.baseAddress, dash_count: Int32(dashes.count),
          round_joins: roundJoins ? 1 : 0)
      }
      withPointer(to: inside) { inside in
        withPointer(to: line) { line in figure_paint(figure, inside, line) }
      }
    }
  }
}

private func withPointer<Value>(to value: Value?, _ body: (UnsafePointer<Value>?) -> Void) {
  if let value { withUnsafePointer(to: value) { body($0) } } else { body(nil) }
}

extension figure_colour {
  fileprivate init(_ colour: Colour, opacity: Double) {
    self.init(
      red: Double(colour.red) / 255, green: Double(colour.green) / 255, blue: Double(colour.blue) / 255,
      opacity: opacity)
  }
}

extension Drawing.Paint {
  /// In the light theme; nil paints nothing.
  fileprivate var colour: Colour? {
    switch self {
    case .none: nil
    case .tone(let tone): Theme.light[tone]
    case .colour(let colour): colour
    }
  }
}

extension Drawing.Anchor {
  fileprivate var value: figure_anchor {
    switch self {
    case .start: FIGURE_START
    case .middle: FIGURE_MIDDLE
    case .end: FIGURE_END
    }
  }
}

extension Unicode.Scalar {
  /// Whether one glyph after the other, left to right, is right for it: not for marks on other letters, and not for scripts that
  /// are written from the right or join their letters.
  fileprivate var standsAlone: Bool {
    switch value {
    case 0x0590...0x08FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF: return false
    default: break
    }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .format, .control, .lineSeparator, .paragraphSeparator:
      return false
    default: return true
    }
  }
}
