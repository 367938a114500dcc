/// Curves over a common axis, such as loss over epochs.
public struct LineChart: Chart, Hashable, Sendable {
  public struct Series: Hashable, Sendable {
    public var name: String
    public var x: [Double]
    public var y: [Double]
    public init(_ name: String, x: [Double], y: [Double]) {
      precondition(x.count == y.count, "a series needs as many x as y values")
      self.name = name
      self.x = x
      self.y = y
    }
  }

  public var title: String
  public var xTitle: String
  public var yTitle: String
  public var xScale: Axis.Scale
  public var yScale: Axis.Scale
  public var series: [Series]
  /// Marks the least or greatest value of each curve.
  public var best: Table.Column.Best?

  public init(
    title: String, xTitle: String, yTitle: String, xScale: Axis.Scale = .linear, yScale: Axis.Scale = .linear,
    series: [Series], best: Table.Column.Best? = nil
  ) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xScale = xScale
    self.yScale = yScale
    self.series = series
    self.best = best
  }

  public var drawing: Drawing {
    let width = 540.0
    let legend = Legend(labels: series.map(\.name), width: width - 80)
    let plotHeight = 250.0
    var drawing = Drawing(
      width: width, height: 40 + plotHeight + 56 + legend.height, title: title, description: summary)
    let frame = PlotFrame(
      left: 66, top: 34, width: width - 86, height: plotHeight,
      x: Axis(xTitle, scale: xScale, covering: series.flatMap(\.x), margin: 0.02),
      y: Axis(yTitle, scale: yScale, covering: series.flatMap(\.y)))
    frame.draw(in: &drawing)
    let styles = series.indices.map { SeriesStyle($0) }
    for (index, line) in series.enumerated() {
      // A value that cannot be shown (not finite; not positive on a log axis) leaves a gap, not a false line.
      var run: [(Double, Double)] = []
      func flush(_ drawing: inout Drawing) {
        if run.count > 1 {
          drawing.line(run, stroke: .init(.tone(styles[index].tone), width: 2, dashes: styles[index].dashes))
        } else if let point = run.first {
          styles[index].drawMarker(in: &drawing, x: point.0, y: point.1, size: 2.5)
        }
        run = []
      }
      for (x, y) in zip(line.x, line.y) {
        if let point = frame.point(x, y) { run.append(point) } else { flush(&drawing) }
      }
      flush(&drawing)
      if let marked = bestIndex(line) ?? line.x.indices.last, let point = frame.point(line.x[marked], line.y[marked]) {
        styles[index].drawMarker(in: &drawing, x: point.0, y: point.1, size: 5)
      }
    }
    legend.draw(in: &drawing, x: 66, y: 34 + plotHeight + 52, styles: styles)
    return drawing
  }

  private func bestIndex(_ line: Series) -> Int? {
    let finite = line.y.indices.filter { line.y[$0].isFinite }
    return switch best {
    case .lowest: finite.min { line.y[$0] < line.y[$1] }
    case .highest: finite.max { line.y[$0] < line.y[$1] }
    case nil: nil
    }
  }

  private var summary: String {
    series.map { line in
      guard let first = line.y.first, let last = line.y.last, let end = line.x.last else {
        return "\(line.name): no values"
      }
      var text =
        "\(line.name): from \(Numbers.short(first)) to \(Numbers.short(last)) at \(xTitle) \(Numbers.short(end))"
      if let index = bestIndex(line) {
        text += ", best \(Numbers.short(line.y[index])) at \(Numbers.short(line.x[index]))"
      }
      return text
    }.joined(separator: ". ") + "."
  }
}
