/// Named points, such as quality over number of parameters.
public struct ScatterChart: Chart, Hashable, Sendable {
  public struct Point: Hashable, Sendable {
    public var name: String
    public var x: Double
    public var y: Double
    /// Half the length of an error bar; nil for none.
    public var deviation: Double?
    public init(_ name: String, x: Double, y: Double, deviation: Double? = nil) {
      self.name = name
      self.x = x
      self.y = y
      self.deviation = deviation
    }
  }

  /// A level drawn across, such as bicubic interpolation, which has no parameters.
  public struct Level: Hashable, Sendable {
    public var name: String
    public var y: Double
    public init(_ name: String, y: Double) {
      self.name = name
      self.y = y
    }
  }

  public var title: String
  public var xTitle: String
  public var yTitle: String
  public var xScale: Axis.Scale
  public var points: [Point]
  public var levels: [Level]

  public init(
    title: String, xTitle: String, yTitle: String, xScale: Axis.Scale = .linear, points: [Point], levels: [Level] = []
  ) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xScale = xScale
    self.points = points
    self.levels = levels
  }

  public var drawing: Drawing {
    let width = 640.0
    let plotHeight = 290.0
    var drawing = Drawing(width: width, height: plotHeight + 92, title: title, description: summary)
    let extents = points.flatMap { [$0.y - ($0.deviation ?? 0), $0.y + ($0.deviation ?? 0)] } + levels.map(\.y)
    let frame = PlotFrame(
      left: 66, top: 34, width: width - 96, height: plotHeight,
      x: Axis(xTitle, scale: xScale, covering: points.map(\.x), margin: 0.14),
      y: Axis(yTitle, covering: extents, margin: 0.08))
    frame.draw(in: &drawing)
    for level in levels {
      guard let v = frame.y.position(level.y) else { continue }
      let y = frame.top + (1 - v) * frame.height
      drawing.line(
        [(frame.left, y), (frame.left + frame.width, y)], stroke: .init(.tone(.muted), width: 1.5, dashes: [5, 4]))
      drawing.text(level.name, x: frame.left + frame.width, y: y - 6, size: 12, anchor: .end, paint: .tone(.muted))
    }
    var taken: [(x: Double, y: Double, width: Double)] = []
    for (index, item) in points.enumerated() {
      guard let (x, y) = frame.point(item.x, item.y) else { continue }
      let style = SeriesStyle(index)
      if let deviation = item.deviation, let low = frame.point(item.x, item.y - deviation),
        let high = frame.point(item.x, item.y + deviation)
      {
        drawing.line([low, high], stroke: .init(.tone(style.tone), width: 1.5))
        for end in [low, high] {
          drawing.line([(end.0 - 4, end.1), (end.0 + 4, end.1)], stroke: .init(.tone(style.tone), width: 1.5))
        }
      }
      style.drawMarker(in: &drawing, x: x, y: y, size: 5.5, tip: "\(item.name): \(Numbers.short(item.y))")
      // The first free place of a few around the point; labels must not cover one another.
      let labelWidth = Drawing.textWidth(item.name, size: 12.5)
      let places = [
        (9.0, 4.5), (-9 - labelWidth, 4.5), (-labelWidth / 2, -11), (-labelWidth / 2, 20), (9, 20), (9, -11),
      ]
      let right = frame.left + frame.width + 24
      let free = places.first { dx, dy in
        x + dx >= frame.left - 8 && x + dx + labelWidth <= right
          && !taken.contains {
            abs($0.y - (y + dy)) < 14 && x + dx < $0.x + $0.width + 4 && $0.x < x + dx + labelWidth + 4
          }
      }
      let (dx, dy) = free ?? places[0]
      taken.append((x + dx, y + dy, labelWidth))
      drawing.text(item.name, x: x + dx, y: y + dy, size: 12.5)
    }
    return drawing
  }

  private var summary: String {
    let lines = points.map { point in
      "\(point.name): \(xTitle) \(Numbers.short(point.x)), \(yTitle) \(Numbers.short(point.y))"
        + (point.deviation.map { " ± \(Numbers.short($0, digits: 2))" } ?? "")
    }
    return (lines + levels.map { "\($0.name): \(yTitle) \(Numbers.short($0.y))" }).joined(separator: ". ") + "."
  }
}
