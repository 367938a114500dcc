/// One example: planes in row-major order, values in 0...1.
public struct TrainingSample: Sendable {
  public var name: String
  /// Size of the low-resolution input.
  public var height: Int
  public var width: Int
  /// Output side over input side.
  public var scale: Int
  /// Channels of input and truth: 1 for depth, 3 for photos.
  public var channels: Int
  /// The input: channels * height * width values.
  public var image: [Float]
  /// The truth, channels * (scale height) * (scale width) values.
  public var target: [Float]
  /// Weights 0...1 of the truth's size, one plane; nil counts every pixel.
  public var mask: [Float]?
  /// Unit normals of the truth's size, three planes (x, y, z).
  public var normal: [Float]?
  /// The guide of a guided network, of the truth's size: three planes of RGB or one of relative depth.
  public var guide: [Float]?

  public init(
    name: String, height: Int, width: Int, scale: Int, channels: Int = 1, image: [Float], target: [Float],
    mask: [Float]? = nil, normal: [Float]? = nil, guide: [Float]? = nil
  ) {
    (self.name, self.height, self.width, self.scale, self.channels) = (name, height, width, scale, channels)
    (self.image, self.target, self.mask, self.normal, self.guide) = (image, target, mask, normal, guide)
    let area = height * width * scale * scale
    precondition(
      image.count == channels * height * width && target.count == channels * area && mask?.count ?? area == area
        && normal?.count ?? (3 * area) == 3 * area && [area, 3 * area].contains(guide?.count ?? area),
      "the planes of `\(name)` do not have the sizes of \(height)x\(width) at scale \(scale)")
  }

  /// Planes of the guide; 0 without one.
  public var guideChannels: Int { (guide?.count ?? 0) / max(1, height * width * scale * scale) }
}

/// Where examples come from. `load` is called from background threads, for several examples at once; the same index always
/// gives the same example.
public protocol TrainingSource: Sendable {
  var count: Int { get }
  func name(_ index: Int) -> String
  func load(_ index: Int) throws -> TrainingSample
}

/// Examples held in memory.
public struct MemorySource: TrainingSource {
  public var samples: [TrainingSample]
  public init(_ samples: [TrainingSample]) { self.samples = samples }
  public var count: Int { samples.count }
  public func name(_ index: Int) -> String { samples[index].name }
  public func load(_ index: Int) throws -> TrainingSample { samples[index] }
}
