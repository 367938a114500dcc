import Foundation

/// The study's nose-relative scale: foreground depth is stretched so that the tip of the nose is 1 and the farthest
/// foreground about 0.
public enum DepthNormalisation {
  public struct Result: Hashable, Sendable {
    /// 0...1, background 0.
    public let depth: Raster
    /// The input values that became 1 and 0.
    public let top: Float
    public let low: Float
    /// The pixel taken as the tip of the nose.
    public let nose: Nose
  }

  public struct Nose: Hashable, Sendable {
    public let x: Int
    public let y: Int
    public init(x: Int, y: Int) {
      self.x = x
      self.y = y
    }
  }

  /// top = max(`topPercentile` of the foreground, maximum in the patch at the nose), low = `lowPercentile`;
  /// d' = clip(1 - (top - d) / (top - low), 0, 1); background 0. A range below 1e-6 counts as 1.
  /// - Parameters:
  ///   - nose: a landmark; nil takes ``noseTip(_:foreground:)``.
  ///   - patch: side of the square around it, in pixels (odd).
  /// - Returns: nil when the foreground is empty.
  public static func noseRelative(
    _ depth: Raster, foreground: Mask, nose: Nose? = nil, patch: Int = 17, topPercentile: Double = 99.9,
    lowPercentile: Double = 1
  ) -> Result? {
    precondition(
      depth.channels == 1 && depth.width == foreground.width && depth.height == foreground.height,
      "depth and foreground differ in size")
    var values: [Float] = []
    values.reserveCapacity(depth.pixels.count)
    for i in 0..<depth.pixels.count where foreground.bits[i] != 0 { values.append(depth.pixels[i]) }
    if values.isEmpty { return nil }
    let limits = Statistics.percentiles(values, [topPercentile, lowPercentile])
    let tip = nose ?? noseTip(depth, foreground: foreground)
    var top = Float(limits[0])
    let low = Float(limits[1])
    let radius = max(0, patch / 2)
    let rows = max(0, tip.y - radius)...max(0, min(depth.height - 1, tip.y + radius))
    let columns = max(0, tip.x - radius)...max(0, min(depth.width - 1, tip.x + radius))
    for y in rows {
      for x in columns where foreground[x, y] { top = max(top, depth[x, y]) }
    }
    let range = top - low < 1e-6 ? 1 : top - low
    var result = depth
    for i in 0..<result.pixels.count {
      result.pixels[i] = foreground.bits[i] == 0 ? 0 : max(0, min(1 - (top - depth.pixels[i]) / range, 1))
    }
    return Result(depth: result, top: top, low: low, nose: tip)
  }

  /// The nearest foreground pixel after smoothing (sigma 1 % of the width) in the middle half of the foreground's bounding
  /// box: the tip of the nose of a frontal face, robust against single bright specks.
  public static func noseTip(_ depth: Raster, foreground: Mask) -> Nose {
    guard let box = foreground.bounds else { return Nose(x: depth.width / 2, y: depth.height / 2) }
    // A quarter of the resolution is enough to find it.
    let smooth = Filters.gaussian(
      depth.masked(foreground), sigma: max(0.5, Double(depth.width) * 0.01),
      kernel: max(3, Int(Double(depth.width) * 0.03)) | 1)
    var best = Nose(x: box.x + box.width / 2, y: box.y + box.height / 2)
    var highest = -Float.infinity
    for y in box.y + box.height / 4..<max(box.y + box.height / 4 + 1, box.y + box.height * 3 / 4) {
      for x in box.x + box.width / 4..<max(box.x + box.width / 4 + 1, box.x + box.width * 3 / 4)
      where foreground[x, y] && smooth[x, y] > highest {
        highest = smooth[x, y]
        best = Nose(x: x, y: y)
      }
    }
    return best
  }
}
