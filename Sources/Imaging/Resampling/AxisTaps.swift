import Foundation

/// For each output coordinate of one axis: the input coordinates it reads and their weights. All lists have the same
/// length; unused taps have weight 0.
struct AxisTaps: Sendable {
  let count: Int
  let length: Int
  /// `count * length` input coordinates, inside the image.
  let indices: [Int32]
  let weights: [Float]

  init(length: Int, taps: [[(index: Int, weight: Float)]]) {
    let count = max(1, taps.map(\.count).max() ?? 1)
    self.count = count
    self.length = length
    var indices = [Int32](repeating: 0, count: count * length)
    var weights = [Float](repeating: 0, count: count * length)
    for (i, list) in taps.enumerated() {
      let last = list.last?.index ?? 0
      for k in 0..<count {
        indices[i * count + k] = Int32(k < list.count ? list[k].index : last)
        weights[i * count + k] = k < list.count ? list[k].weight : 0
      }
    }
    self.indices = indices
    self.weights = weights
  }

  /// Keys' cubic with a = -0.75 at half-pixel centres, four taps whatever the factor, replicated border (OpenCV).
  static func cubic(from source: Int, to target: Int) -> AxisTaps {
    let scale = Double(source) / Double(target)
    return AxisTaps(
      length: target,
      taps: (0..<target).map { i in
        let position = Float((Double(i) + 0.5) * scale - 0.5)
        let start = Int(position.rounded(.down))
        let x = position - Float(start)
        let a: Float = -0.75
        let w0 = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a
        let w1 = ((a + 2) * x - (a + 3)) * x * x + 1
        let w2 = ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1
        let weights = [w0, w1, w2, 1 - w0 - w1 - w2]
        return (0..<4).map { (min(max(start - 1 + $0, 0), source - 1), weights[$0]) }
      })
  }

  /// Two taps at half-pixel centres (OpenCV INTER_LINEAR).
  static func linear(from source: Int, to target: Int) -> AxisTaps {
    let scale = Double(source) / Double(target)
    return AxisTaps(
      length: target,
      taps: (0..<target).map { i in
        let position = Float((Double(i) + 0.5) * scale - 0.5)
        var start = Int(position.rounded(.down))
        var x = position - Float(start)
        if start < 0 { (start, x) = (0, 0) }
        if start >= source - 1 { (start, x) = (source - 1, 0) }
        return [(start, 1 - x), (min(start + 1, source - 1), x)]
      })
  }

  /// The average over the cell that each output pixel covers (OpenCV INTER_AREA when shrinking).
  static func area(from source: Int, to target: Int) -> AxisTaps {
    let scale = Double(source) / Double(target)
    if source % target == 0 {
      let factor = source / target
      return AxisTaps(
        length: target,
        taps: (0..<target).map { i in (0..<factor).map { (i * factor + $0, 1 / Float(factor)) } })
    }
    return AxisTaps(
      length: target,
      taps: (0..<target).map { i in
        let low = Double(i) * scale
        let high = low + scale
        let cell = min(scale, Double(source) - low)
        let first = min(Int(low.rounded(.up)), source - 1)
        let last = min(Int(high.rounded(.down)), source - 1)
        let inner = max(first, min(last, source))
        var list: [(index: Int, weight: Float)] = []
        if Double(first) - low > 1e-3 { list.append((first - 1, Float((Double(first) - low) / cell))) }
        for j in first..<inner { list.append((j, Float(1 / cell))) }
        if high - Double(inner) > 1e-3 {
          list.append((inner, Float(min(min(high - Double(inner), 1), cell) / cell)))
        }
        return list
      })
  }

  /// What OpenCV's INTER_AREA does when an axis grows: linear, but flat in the middle of each input pixel.
  static func areaGrowing(from source: Int, to target: Int) -> AxisTaps {
    let scale = Double(source) / Double(target)
    return AxisTaps(
      length: target,
      taps: (0..<target).map { i in
        var start = Int((Double(i) * scale).rounded(.down))
        var x = Float(Double(i + 1) - Double(start + 1) / scale)
        x = x <= 0 ? 0 : x - x.rounded(.down)
        if start < 0 { (start, x) = (0, 0) }
        if start >= source - 1 { (start, x) = (source - 1, 0) }
        return [(start, 1 - x), (min(start + 1, source - 1), x)]
      })
  }

  /// Keys' cubic with a = -0.5, widened by the factor when shrinking, normalised at the border (Pillow, MATLAB).
  static func cubicAntialiased(from source: Int, to target: Int) -> AxisTaps {
    let scale = Double(source) / Double(target)
    let filterScale = max(scale, 1)
    let support = 2 * filterScale
    func kernel(_ value: Double) -> Double {
      let a = -0.5
      let x = abs(value)
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
    return AxisTaps(
      length: target,
      taps: (0..<target).map { i in
        let centre = (Double(i) + 0.5) * scale
        let low = max(Int(centre - support + 0.5), 0)
        let high = min(Int(centre + support + 0.5), source)
        let values = (low..<max(high, low + 1)).map { kernel((Double($0) - centre + 0.5) / filterScale) }
        let sum = values.reduce(0, +)
        return values.enumerated().map { (min(low + $0.offset, source - 1), Float(sum == 0 ? 1 : $0.element / sum)) }
      })
  }
}
