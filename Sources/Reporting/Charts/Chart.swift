/// Something that can be drawn.
public protocol Chart: Sendable {
  var drawing: Drawing { get }
}

/// How the n-th series of a chart looks: colour, dashes and marker differ together, so that none is needed alone.
struct SeriesStyle {
  var tone: Tone
  var dashes: [Double]
  var marker: Marker

  enum Marker: Int, CaseIterable { case circle, square, triangle, diamond, cross, ring, plus, bar }

  init(_ index: Int) {
    tone = Tone.series[index % Tone.series.count]
    let patterns: [[Double]] = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [12, 4], [1, 2], [6, 2, 1, 2, 1, 2]]
    dashes = patterns[(index + index / Tone.series.count) % patterns.count]
    marker = Marker(rawValue: (index + index / Tone.series.count * 3) % Marker.allCases.count) ?? .circle
  }

  func drawMarker(in drawing: inout Drawing, x: Double, y: Double, size r: Double = 4, tip: String? = nil) {
    let paint = Drawing.Paint.tone(tone)
    switch marker {
    case .circle: drawing.circle(x: x, y: y, radius: r, fill: paint, tip: tip)
    case .ring:
      drawing.circle(
        x: x, y: y, radius: r - 0.5, fill: .tone(.paper), stroke: .init(paint, width: 2), tip: tip)
    case .square:
      drawing.rectangle(x: x - r + 0.5, y: y - r + 0.5, width: 2 * r - 1, height: 2 * r - 1, fill: paint, tip: tip)
    case .triangle:
      drawing.path(
        Outline([(x, y - r - 0.5), (x + r + 0.5, y + r - 0.5), (x - r - 0.5, y + r - 0.5)], closed: true), fill: paint)
    case .diamond:
      drawing.path(
        Outline([(x, y - r - 1), (x + r + 1, y), (x, y + r + 1), (x - r - 1, y)], closed: true), fill: paint)
    case .cross:
      drawing.path(
        Outline(
          [(x - r + 1, y - r + 1), (x + r - 1, y + r - 1)], [(x - r + 1, y + r - 1), (x + r - 1, y - r + 1)]),
        stroke: .init(paint, width: 2))
    case .plus:
      drawing.path(
        Outline([(x - r, y), (x + r, y)], [(x, y - r), (x, y + r)]), stroke: .init(paint, width: 2))
    case .bar: drawing.rectangle(x: x - r, y: y - 1.5, width: 2 * r, height: 3, fill: paint, tip: tip)
    }
  }
}

/// A legend in rows that break at the chart's width.
struct Legend {
  var labels: [String]
  var width: Double
  private static let swatch = 30.0

  private func positions() -> [(x: Double, row: Int)] {
    var x = 0.0
    var row = 0
    return labels.map { label in
      let needed = Self.swatch + 8 + Drawing.textWidth(label, size: 12.5) + 18
      if x > 0, x + needed > width {
        x = 0
        row += 1
      }
      defer { x += needed }
      return (x, row)
    }
  }

  var height: Double { labels.isEmpty ? 0 : Double((positions().last?.row ?? 0) + 1) * 21 }

  func draw(in drawing: inout Drawing, x: Double, y: Double, line: Bool = true, styles: [SeriesStyle]) {
    for (index, place) in positions().enumerated() {
      let style = styles[index]
      let level = y + Double(place.row) * 21 + 10
      if line {
        drawing.line(
          [(x + place.x, level), (x + place.x + Self.swatch, level)],
          stroke: .init(.tone(style.tone), width: 2, dashes: style.dashes))
      }
      style.drawMarker(in: &drawing, x: x + place.x + Self.swatch / 2, y: level)
      drawing.text(labels[index], x: x + place.x + Self.swatch + 8, y: level + 4.5, size: 12.5)
    }
  }
}
