import Foundation

/// A chart as marks on a plane, x to the right, y down, units of CSS pixels at full size.
///
/// The one description of every figure: `Figures` turns its marks into markup (in a page or as an SVG file), or paints them with
/// cairo (PDF, PNG). Inside a page its tones follow the reader's theme; a file of its own carries the light theme's colours.
public struct Drawing: Hashable, Sendable {
  public var width: Double
  public var height: Double
  /// What the chart shows, in a few words.
  public var title: String
  /// What a reader who cannot see it should know.
  public var description: String
  private(set) var marks: [Mark] = []

  public init(width: Double, height: Double, title: String, description: String) {
    self.width = width
    self.height = height
    self.title = title
    self.description = description
  }

  public enum Paint: Hashable, Sendable {
    case none
    case tone(Tone)
    case colour(Colour)
  }

  public enum Anchor: String, Hashable, Sendable { case start, middle, end }

  /// Stroke patterns, so that lines can be told apart without colour.
  public struct Stroke: Hashable, Sendable {
    public var paint: Paint
    public var width: Double
    public var dashes: [Double]
    public init(_ paint: Paint, width: Double = 1, dashes: [Double] = []) {
      self.paint = paint
      self.width = width
      self.dashes = dashes
    }
  }

  enum Mark: Hashable, Sendable {
    case rectangle(
      x: Double, y: Double, width: Double, height: Double, radius: Double, fill: Paint, stroke: Stroke?, tip: String?)
    case path(Outline, fill: Paint, stroke: Stroke?, opacity: Double)
    case circle(x: Double, y: Double, radius: Double, fill: Paint, stroke: Stroke?, opacity: Double, tip: String?)
    case text(
      String, x: Double, y: Double, size: Double, anchor: Anchor, paint: Paint, bold: Bool, underlined: Bool,
      rotation: Double)
  }

  public mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, radius: Double = 0, fill: Paint = .none, stroke: Stroke? = nil,
    tip: String? = nil
  ) {
    marks.append(
      .rectangle(x: x, y: y, width: width, height: height, radius: radius, fill: fill, stroke: stroke, tip: tip))
  }

  public mutating func line(_ points: [(Double, Double)], stroke: Stroke, opacity: Double = 1) {
    guard !points.isEmpty else { return }
    path(Outline(points), stroke: stroke, opacity: opacity)
  }

  public mutating func path(_ outline: Outline, fill: Paint = .none, stroke: Stroke? = nil, opacity: Double = 1) {
    marks.append(.path(outline, fill: fill, stroke: stroke, opacity: opacity))
  }

  public mutating func circle(
    x: Double, y: Double, radius: Double, fill: Paint = .none, stroke: Stroke? = nil, opacity: Double = 1,
    tip: String? = nil
  ) {
    marks.append(.circle(x: x, y: y, radius: radius, fill: fill, stroke: stroke, opacity: opacity, tip: tip))
  }

  /// Text on a base line at (x, y); `rotation` in degrees about that point.
  public mutating func text(
    _ text: String, x: Double, y: Double, size: Double = 13, anchor: Anchor = .start, paint: Paint = .tone(.ink),
    bold: Bool = false, underlined: Bool = false, rotation: Double = 0
  ) {
    marks.append(
      .text(
        text, x: x, y: y, size: size, anchor: anchor, paint: paint, bold: bold, underlined: underlined,
        rotation: rotation))
  }

  /// At most two digits after the point: a hundredth of a pixel is not visible, and short numbers compare well.
  static func number(_ value: Double) -> String {
    let text = String(format: "%.2f", value.isFinite ? value : 0)
    var trimmed = text[...]
    while trimmed.last == "0" { trimmed = trimmed.dropLast() }
    if trimmed.last == "." { trimmed = trimmed.dropLast() }
    return trimmed == "-0" ? "0" : String(trimmed)
  }

  /// Width of a text in pixels, estimated from the widths of Helvetica with a margin for the wider system fonts; wide
  /// scripts and emoji count as a full em.
  public static func textWidth(_ text: String, size: Double = 13, bold: Bool = false) -> Double {
    var em = 0.0
    for character in text {
      guard let scalar = character.unicodeScalars.first else { continue }
      switch scalar {
      case "i", "j", "l", "I", "'", "|", ".", ",", ":", ";", "!": em += 0.28
      case "f", "t", "r", " ", "(", ")", "[", "]", "-", "/": em += 0.34
      case "m", "M", "W", "@", "%": em += 0.89
      case "w": em += 0.74
      case "A"..."Z": em += 0.69
      case let c where c.value >= 0x1100 && c.value < 0xFFFF && c.value != 0x2212 && c.value > 0x2E7F: em += 1
      case let c where c.value > 0xFFFF: em += 1.2
      default: em += 0.56
      }
    }
    return em * size * (bold ? 1.2 : 1.12)
  }

  /// Shortens a text with an ellipsis until it fits.
  public static func fitted(_ text: String, width: Double, size: Double = 13) -> String {
    guard textWidth(text, size: size) > width else { return text }
    var result = text
    while result.count > 1, textWidth(result + "…", size: size) > width { result.removeLast() }
    return result + "…"
  }
}
