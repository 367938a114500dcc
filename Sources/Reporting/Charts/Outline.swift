/// A shape's edge as straight lines and cubic curves.
public struct Outline: Hashable, Sendable {
  public struct Point: Hashable, Sendable {
    public var x: Double
    public var y: Double
    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  enum Step: Hashable, Sendable {
    case move(Point)
    case line(Point)
    case curve(Point, Point, Point)
    case close
  }

  private(set) var steps: [Step] = []

  public init() {}

  /// Lines through the points, in pieces that are not joined to each other.
  public init(_ pieces: [(Double, Double)]..., closed: Bool = false) {
    for piece in pieces {
      for (index, point) in piece.enumerated() {
        if index == 0 { move(point.0, point.1) } else { line(point.0, point.1) }
      }
      if closed { close() }
    }
  }

  public mutating func move(_ x: Double, _ y: Double) { steps.append(.move(Point(x, y))) }
  public mutating func line(_ x: Double, _ y: Double) { steps.append(.line(Point(x, y))) }
  /// A cubic curve to `end` with its two control points.
  public mutating func curve(_ first: Point, _ second: Point, to end: Point) {
    steps.append(.curve(first, second, end))
  }
  public mutating func close() { steps.append(.close) }

  /// A rectangle with rounded corners: quarter circles as cubic curves, off by at most 0.03 % of the radius.
  static func rectangle(x: Double, y: Double, width: Double, height: Double, radius: Double) -> Outline {
    let r = min(radius, width / 2, height / 2)
    guard r > 0 else {
      return Outline([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], closed: true)
    }
    let k = r * (1 - 0.552_284_75)
    let (right, bottom) = (x + width, y + height)
    var outline = Outline()
    outline.move(x + r, y)
    outline.line(right - r, y)
    outline.curve(Point(right - k, y), Point(right, y + k), to: Point(right, y + r))
    outline.line(right, bottom - r)
    outline.curve(Point(right, bottom - k), Point(right - k, bottom), to: Point(right - r, bottom))
    outline.line(x + r, bottom)
    outline.curve(Point(x + k, bottom), Point(x, bottom - k), to: Point(x, bottom - r))
    outline.line(x, y + r)
    outline.curve(Point(x, y + k), Point(x + k, y), to: Point(x + r, y))
    outline.close()
    return outline
  }

  /// As the `d` attribute of an SVG path.
  var svg: String {
    func text(_ point: Point) -> String { Drawing.number(point.x) + " " + Drawing.number(point.y) }
    return steps.map { step in
      switch step {
      case .move(let point): "M" + text(point)
      case .line(let point): "L" + text(point)
      case .curve(let a, let b, let end): "C" + text(a) + " " + text(b) + " " + text(end)
      case .close: "Z"
      }
    }.joined()
  }
}
