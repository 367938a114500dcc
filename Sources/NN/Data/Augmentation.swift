import Basics

/// How an example is varied before it enters a batch.
public struct Augmentation: Hashable, Sendable {
  /// Side of the low-resolution patch in pixels; nil takes whole maps.
  public var patch: Int?
  /// Patches with less of the mask than this are drawn again, at most eight times; the fullest is taken then.
  public var leastMask: Double
  /// Mirror left to right with probability 1/2; normals and guides follow.
  public var flipsHorizontally: Bool
  public var flipsVertically: Bool

  public init(
    patch: Int? = nil, leastMask: Double = 0.25, flipsHorizontally: Bool = false, flipsVertically: Bool = false
  ) {
    self.patch = patch
    self.leastMask = leastMask
    self.flipsHorizontally = flipsHorizontally
    self.flipsVertically = flipsVertically
  }

  /// A variation of `sample`; the numbers drawn depend on the settings alone.
  func applied(to sample: TrainingSample, _ random: inout SeededRandom) -> TrainingSample {
    var result = sample
    if let patch, patch < sample.height || patch < sample.width {
      result = cut(sample, min(patch, sample.height), min(patch, sample.width), &random)
    }
    if flipsHorizontally, random.next() >> 63 == 1 { result.mirror(vertically: false) }
    if flipsVertically, random.next() >> 63 == 1 { result.mirror(vertically: true) }
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
    func crop(_ plane: [Float], _ count: Int, _ factor: Int) -> [Float] {
      let (fullHeight, fullWidth) = (sample.height * factor, sample.width * factor)
      var result: [Float] = []
      result.reserveCapacity(count * height * width * factor * factor)
      for k in 0..<count {
        for row in 0..<height * factor {
          let start = (k * fullHeight + best.y * factor + row) * fullWidth + best.x * factor
          result += plane[start..<start + width * factor]
        }
      }
      return result
    }
    return TrainingSample(
      name: sample.name, height: height, width: width, scale: s, depth: crop(sample.depth, 1, 1),
      target: crop(sample.target, 1, s), mask: sample.mask.map { crop($0, 1, s) },
      normal: sample.normal.map { crop($0, 3, s) }, guide: sample.guide.map { crop($0, 3, s) })
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

extension TrainingSample {
  /// Mirrors all planes; the component of the normals along the mirrored axis changes its sign.
  mutating func mirror(vertically: Bool) {
    func mirrored(_ plane: [Float], _ count: Int, _ height: Int, _ width: Int) -> [Float] {
      var result = plane
      for k in 0..<count {
        for row in 0..<height {
          let from = (k * height + (vertically ? height - 1 - row : row)) * width
          let to = (k * height + row) * width
          for x in 0..<width { result[to + x] = plane[from + (vertically ? x : width - 1 - x)] }
        }
      }
      return result
    }
    let (h, w) = (height * scale, width * scale)
    depth = mirrored(depth, 1, height, width)
    target = mirrored(target, 1, h, w)
    mask = mask.map { mirrored($0, 1, h, w) }
    guide = guide.map { mirrored($0, 3, h, w) }
    normal = normal.map { plane in
      var result = mirrored(plane, 3, h, w)
      let axis = vertically ? 1 : 0
      for i in axis * h * w..<(axis + 1) * h * w { result[i] = -result[i] }
      return result
    }
  }
}
