/// One example: planes in row-major order, values in 0...1.
public struct TrainingSample: Sendable {
  public var name: String
  /// Size of the low-resolution depth.
  public var height: Int
  public var width: Int
  /// Output side over input side.
  public var scale: Int
  /// height * width values.
  public var depth: [Float]
  /// The truth, (scale height) * (scale width) values.
  public var target: [Float]
  /// Weights 0...1 of the truth's size; nil counts every pixel.
  public var mask: [Float]?
  /// Unit normals of the truth's size, three planes (x, y, z).
  public var normal: [Float]?
  /// RGB of the truth's size, three planes.
  public var guide: [Float]?

  public init(
    name: String, height: Int, width: Int, scale: Int, depth: [Float], target: [Float], mask: [Float]? = nil,
    normal: [Float]? = nil, guide: [Float]? = nil
  ) {
    (self.name, self.height, self.width, self.scale) = (name, height, width, scale)
    (self.depth, self.target, self.mask, self.normal, self.guide) = (depth, target, mask, normal, guide)
    let area = height * width * scale * scale
    precondition(
      depth.count == height * width && target.count == area && mask?.count ?? area == area
        && normal?.count ?? (3 * area) == 3 * area && guide?.count ?? (3 * area) == 3 * area,
      "the planes of `\(name)` do not have the sizes of \(height)x\(width) at scale \(scale)")
  }
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
