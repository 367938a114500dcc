import Basics

/// How an example is varied before it enters a batch. Geometry changes all planes alike; light changes pictures only, never
/// depth and normals.
public struct Augmentation: Hashable, Sendable {
  /// Side of the low-resolution patch in pixels; nil takes whole maps.
  public var patch: Int?
  /// Patches with less of the mask than this are drawn again, at most eight times; the fullest is taken then.
  public var leastMask: Double
  /// Mirror left to right with probability 1/2; normals and guides follow.
  public var flipsHorizontally: Bool
  public var flipsVertically: Bool
  /// Turn by 0, 90, 180 or 270 degrees; examples that are not square only by 0 or 180.
  public var turns: Bool
  /// Factors by which photos are multiplied, and by which they are stretched about their mean; the result stays in 0...1.
  public var brightness: ClosedRange<Double>?
  public var contrast: ClosedRange<Double>?

  public init(
    patch: Int? = nil, leastMask: Double = 0.25, flipsHorizontally: Bool = false, flipsVertically: Bool = false,
    turns: Bool = false, brightness: ClosedRange<Double>? = nil, contrast: ClosedRange<Double>? = nil
  ) {
    self.patch = patch
    self.leastMask = leastMask
    self.flipsHorizontally = flipsHorizontally
    self.flipsVertically = flipsVertically
    self.turns = turns
    (self.brightness, self.contrast) = (brightness, contrast)
  }

  /// A variation of `sample`; the numbers drawn depend on the settings alone.
  public func applied(to sample: TrainingSample, _ random: inout SeededRandom) -> TrainingSample {
    var result = sample
    if let patch, patch < sample.height || patch < sample.width {
      result = cut(sample, min(patch, sample.height), min(patch, sample.width), &random)
    }
    if flipsHorizontally, random.next() >> 63 == 1 { result.mirror(vertically: false) }
    if flipsVertically, random.next() >> 63 == 1 { result.mirror(vertically: true) }
    if turns {
      let quarters = random.index(below: 4)
      if result.height == result.width || quarters == 2 { result.turn(quarters: quarters) }
    }
    if let brightness {
      let factor = Float(random.uniform(brightness.lowerBound, brightness.upperBound))
      result.changePhotos { plane, _ in for i in plane.indices { plane[i] = min(max(plane[i] * factor, 0), 1) } }
    }
    if let contrast {
      let factor = Float(random.uniform(contrast.lowerBound, contrast.upperBound))
      result.changePhotos { plane, mean in
        for i in plane.indices { plane[i] = min(max(mean + (plane[i] - mean) * factor, 0), 1) }
      }
    }
    return result
  }

  private func cut(_ sample: TrainingSample, _ height: Int, _ width: Int, _ random: inout SeededRandom)
    -> TrainingSample
  {
    var best = (share: -1.0, y: 0, x: 0)
    let s = sample.scale
    for _ in 0..<8 {
      let y = random.index(below: sample.height - height + 1)
      let x = random.index(below: sample.width - width + 1)
      let share = sample.mask.map { maskShare($0, sample.width * s, y * s, x * s, height * s, width * s) } ?? 1
      if share > best.share { best = (share, y, x) }
      if share >= leastMask { break }
    }
    return sample.cropped(y: best.y, x: best.x, height: height, width: width)
  }

  /// The mean of a mask over a rectangle, looked at every fourth pixel.
  private func maskShare(_ mask: [Float], _ stride: Int, _ y: Int, _ x: Int, _ height: Int, _ width: Int) -> Double {
    var (sum, count) = (Float(0), 0)
    for row in Swift.stride(from: y, to: y + height, by: 4) {
      for column in Swift.stride(from: x, to: x + width, by: 4) {
        sum += mask[row * stride + column]
        count += 1
      }
    }
    return Double(sum) / Double(max(1, count))
  }
}
