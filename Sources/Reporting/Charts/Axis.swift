import Foundation

/// A numeric axis: maps values to 0...1 and chooses round tick values.
public struct Axis: Hashable, Sendable {
  public enum Scale: String, Hashable, Sendable { case linear, log }

  public var title: String
  public var scale: Scale
  public let low: Double
  public let high: Double

  /// Covers all finite values (for `log`: all positive ones) with a small margin.
  public init(_ title: String, scale: Scale = .linear, covering values: some Sequence<Double>, margin: Double = 0.04) {
    self.title = title
    self.scale = scale
    let usable = values.filter { $0.isFinite && (scale == .linear || $0 > 0) }
    let least = usable.min() ?? (scale == .log ? 0.1 : 0)
    let most = usable.max() ?? 1
    switch scale {
    case .linear:
      let span = most - least
      let pad = span > 0 ? span * margin : max(abs(most) * 0.05, 1e-9)
      low = least - pad
      high = most + pad
    case .log:
      let ratio = most / least
      let pad = ratio > 1 ? pow(ratio, margin) : 1.2
      low = least / pad
      high = most * pad
    }
  }

  /// An axis with fixed ends.
  public init(_ title: String, scale: Scale = .linear, from low: Double, to high: Double) {
    precondition(low < high && (scale == .linear || low > 0), "an axis needs low < high, and low > 0 on a log scale")
    self.title = title
    self.scale = scale
    self.low = low
    self.high = high
  }

  /// Position along the axis, 0...1 inside its range; nil for what a log axis cannot show.
  public func position(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    switch scale {
    case .linear: return (value - low) / (high - low)
    case .log: return value > 0 ? log(value / low) / log(high / low) : nil
    }
  }

  /// Round values inside the range: steps of 1, 2, 2.5 or 5 times a power of ten; on a log axis 1-2-5 series or powers.
  public func ticks(about count: Int = 5) -> [Double] {
    switch scale {
    case .linear: return linearTicks(about: count)
    case .log:
      let decades = log10(high / low)
      let steps: [Double] = decades > 3.2 ? [1] : decades > 1 ? [1, 3] : [1, 1.5, 2, 3, 4, 5, 7]
      var ticks: [Double] = []
      for exponent in Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up)) {
        for step in steps {
          let tick = Axis.rounded(step * pow(10, Double(exponent)))
          if tick >= low * (1 - 1e-9), tick <= high * (1 + 1e-9) { ticks.append(tick) }
        }
      }
      return ticks.count < 2 ? linearTicks(about: count) : ticks
    }
  }

  private func linearTicks(about count: Int) -> [Double] {
    let raw = (high - low) / Double(max(1, count))
    guard raw > 0, raw.isFinite else { return [] }
    let magnitude = pow(10, log10(raw).rounded(.down))
    let step = [1, 2, 2.5, 5, 10].map { $0 * magnitude }.first { $0 >= raw * 0.999 } ?? magnitude * 10
    var ticks: [Double] = []
    var index = (low / step).rounded(.up)
    while index * step <= high + step * 1e-9, ticks.count < 50 {
      ticks.append(Axis.rounded(index * step))
      index += 1
    }
    return ticks
  }

  /// Drops the noise of multiplying by powers of ten.
  private static func rounded(_ value: Double) -> Double { Double(String(format: "%.12g", value)) ?? value }
}

/// The frame of a chart with two numeric axes: grid, ticks, titles.
struct PlotFrame {
  var left: Double
  var top: Double
  var width: Double
  var height: Double
  var x: Axis
  var y: Axis

  func point(_ a: Double, _ b: Double) -> (Double, Double)? {
    guard let u = x.position(a), let v = y.position(b) else { return nil }
    return (left + u * width, top + (1 - v) * height)
  }

  func draw(in drawing: inout Drawing, xTicks: Int = 6, yTicks: Int = 5) {
    for tick in y.ticks(about: yTicks) {
      guard let v = y.position(tick) else { continue }
      let level = top + (1 - v) * height
      drawing.line([(left, level), (left + width, level)], stroke: .init(.tone(.line)))
      drawing.text(Numbers.short(tick), x: left - 8, y: level + 4, size: 12, anchor: .end, paint: .tone(.muted))
    }
    for tick in x.ticks(about: xTicks) {
      guard let u = x.position(tick) else { continue }
      let place = left + u * width
      drawing.line([(place, top + height), (place, top + height + 5)], stroke: .init(.tone(.muted)))
      drawing.text(
        Numbers.short(tick), x: place, y: top + height + 19, size: 12, anchor: .middle, paint: .tone(.muted))
    }
    drawing.line([(left, top + height), (left + width, top + height)], stroke: .init(.tone(.muted)))
    drawing.text(
      x.title + (x.scale == .log ? ", log scale" : ""), x: left + width / 2, y: top + height + 40, size: 13,
      anchor: .middle)
    drawing.text(y.title + (y.scale == .log ? ", log scale" : ""), x: left, y: top - 12, size: 13)
  }
}
