/// The values of single samples, one row for each method: every sample as a dot, with the box of the middle half, the median
/// and whiskers to the last value within 1.5 box lengths.
public struct DistributionChart: Chart, Hashable, Sendable {
  public struct Group: Hashable, Sendable {
    public var name: String
    public var values: [Double]
    /// A method to compare with, drawn in grey.
    public var isReference: Bool
    public init(_ name: String, values: [Double], isReference: Bool = false) {
      self.name = name
      self.values = values
      self.isReference = isReference
    }
  }

  public var title: String
  public var valueTitle: String
  public var scale: Axis.Scale
  public var groups: [Group]

  public init(title: String, valueTitle: String, scale: Axis.Scale = .linear, groups: [Group]) {
    self.title = title
    self.valueTitle = valueTitle
    self.scale = scale
    self.groups = groups
  }

  /// Quartiles and whiskers of a group; quantiles by linear interpolation, values that are not finite left out.
  public struct Box: Hashable, Sendable {
    public var least: Double
    /// End of the lower whisker.
    public var low: Double
    public var lower: Double
    public var median: Double
    public var upper: Double
    /// End of the upper whisker.
    public var high: Double
    public var most: Double

    /// - Returns: nil when no value is finite.
    public init?(_ values: [Double]) {
      let sorted = values.filter(\.isFinite).sorted()
      guard let first = sorted.first, let last = sorted.last else { return nil }
      func quantile(_ q: Double) -> Double {
        let position = q * Double(sorted.count - 1)
        let index = min(Int(position), sorted.count - 1)
        let next = min(index + 1, sorted.count - 1)
        return sorted[index] + (sorted[next] - sorted[index]) * (position - Double(index))
      }
      least = first
      most = last
      lower = quantile(0.25)
      median = quantile(0.5)
      upper = quantile(0.75)
      let reach = 1.5 * (upper - lower)
      let fences = (lower - reach)...(upper + reach)
      low = sorted.first { fences.contains($0) } ?? first
      high = sorted.last { fences.contains($0) } ?? last
    }
  }

  public var drawing: Drawing {
    let width = 640.0
    let row = 46.0
    let labels = groups.map { Drawing.fitted($0.name, width: 200, size: 13) }
    let left = max(80, (labels.map { Drawing.textWidth($0) }.max() ?? 0) + 18)
    let top = 12.0
    let plotWidth = width - left - 20
    let plotHeight = row * Double(groups.count)
    var drawing = Drawing(width: width, height: top + plotHeight + 52, title: title, description: summary)
    let axis = Axis(valueTitle, scale: scale, covering: groups.flatMap(\.values))
    for tick in axis.ticks(about: 6) {
      guard let u = axis.position(tick) else { continue }
      let x = left + u * plotWidth
      drawing.line([(x, top), (x, top + plotHeight)], stroke: .init(.tone(.line)))
      drawing.text(
        Numbers.short(tick), x: x, y: top + plotHeight + 18, size: 12, anchor: .middle, paint: .tone(.muted))
    }
    drawing.text(
      valueTitle + (scale == .log ? ", log scale" : ""), x: left + plotWidth / 2, y: top + plotHeight + 40, size: 13,
      anchor: .middle)
    for (index, group) in groups.enumerated() {
      let middle = top + (Double(index) + 0.5) * row
      let tone = Drawing.Paint.tone(group.isReference ? .muted : .series1)
      drawing.text(labels[index], x: left - 10, y: middle + 4.5, size: 13, anchor: .end)
      // Dots spread in a fixed pattern below the box, so that equal values stay apart and no chance is needed.
      for (n, value) in group.values.enumerated() {
        guard let u = axis.position(value) else { continue }
        let spread = Double((n * 5) % 9) / 8 - 0.5
        drawing.circle(x: left + u * plotWidth, y: middle + 10 + spread * 12, radius: 2.2, fill: tone, opacity: 0.55)
      }
      guard let box = Box(group.values), let low = axis.position(box.low), let lower = axis.position(box.lower),
        let median = axis.position(box.median), let upper = axis.position(box.upper), let high = axis.position(box.high)
      else { continue }
      let level = middle - 8
      func at(_ u: Double) -> Double { left + u * plotWidth }
      drawing.line([(at(low), level), (at(lower), level)], stroke: .init(tone, width: 1.5))
      drawing.line([(at(upper), level), (at(high), level)], stroke: .init(tone, width: 1.5))
      for end in [low, high] {
        drawing.line([(at(end), level - 4), (at(end), level + 4)], stroke: .init(tone, width: 1.5))
      }
      drawing.rectangle(
        x: at(lower), y: level - 8, width: at(upper) - at(lower), height: 16, radius: 2, fill: .tone(.surface),
        stroke: .init(tone, width: 1.5),
        tip:
          "\(group.name): median \(Numbers.short(box.median)), middle half \(Numbers.short(box.lower)) to \(Numbers.short(box.upper))"
      )
      drawing.line([(at(median), level - 8), (at(median), level + 8)], stroke: .init(.tone(.ink), width: 2.5))
    }
    return drawing
  }

  private var summary: String {
    groups.map { group in
      guard let box = Box(group.values) else { return "\(group.name): no values" }
      return "\(group.name): \(group.values.count) samples, median \(Numbers.short(box.median)), "
        + "middle half \(Numbers.short(box.lower)) to \(Numbers.short(box.upper))"
    }.joined(separator: ". ") + "."
  }
}
