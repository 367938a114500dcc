/// A way of making a low-resolution depth map from a high-resolution one: a type in a file of its own below `Depth` and a row
/// in ``DegradationCatalogue``. Help, schema, files and tables follow from it.
public protocol DepthDegradation: Sendable {
  /// As files and results name it, such as `bicubic_q8`.
  static var id: String { get }
  /// As a paper prints it, such as `bicubic + 8-bit`.
  static var title: String { get }
  /// For help: half a sentence.
  static var summary: String { get }
  /// The steps of its values, and how it is stored without loss.
  static var storage: DegradedStorage { get }
  /// Whether it draws noise.
  static var isNoisy: Bool { get }

  /// The smaller map before it is rounded to the steps of ``storage``.
  /// - Parameters:
  ///   - map: one channel, 0...1.
  ///   - noise: for those that draw some.
  static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster
}

/// Gaussian noise of a degradation.
public struct DegradationNoise: Hashable, Sendable {
  /// Standard deviation as a share of full scale.
  public var deviation: Double
  public var seed: UInt64

  public init(deviation: Double = 0.02, seed: UInt64 = 0) {
    self.deviation = deviation
    self.seed = seed
  }
}

/// The steps of a degraded map's values.
public enum DegradedStorage: Hashable, Sendable {
  case bits8
  case bits16
  /// Not rounded; values may lie outside 0...1.
  case float

  /// The kind of file that keeps the map without loss.
  public var encoding: ImageFile.Encoding {
    switch self {
    case .bits8: .png8
    case .bits16: .png16
    case .float: .tiffFloat
    }
  }

  /// The end of such a file's name.
  public var fileExtension: String { self == .float ? "tiff" : "png" }

  func rounded(_ map: Raster) -> Raster {
    switch self {
    case .bits8: map.quantised(levels: 255)
    case .bits16: map.quantised(levels: 65535)
    case .float: map
    }
  }
}

extension DepthDegradation {
  public static var isNoisy: Bool { false }

  /// The low-resolution map.
  /// - Parameter map: one channel, 0...1; its sides are divided by `scale`, rounding down, at least 1.
  public static func apply(to map: Raster, scale: Int = 4, noise: DegradationNoise = DegradationNoise()) -> Raster {
    precondition(scale > 0, "a scale of \(scale)")
    return storage.rounded(
      reduce(map, width: max(1, map.width / scale), height: max(1, map.height / scale), noise: noise))
  }
}
