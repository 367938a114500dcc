import Basics

/// Bicubic reduction, then Gaussian noise, limited to 0...1.
public enum NoisyBicubicReduction: DepthDegradation {
  public static let id = "bicubic_noise"
  public static let title = "bicubic + noise"
  public static let summary = "the same with Gaussian noise"
  public static let storage = DegradedStorage.bits16
  public static let isNoisy = true

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    add(noise, to: Resize.cubic(map, width: width, height: height))
  }

  /// Adds noise drawn in row-major order from the stream "noise" of its seed, then clips to 0...1.
  static func add(_ noise: DegradationNoise, to raster: Raster) -> Raster {
    var random = SeededRandom(seed: noise.seed, stream: "noise")
    return raster.mapped { max(0, min(Float(Double($0) + noise.deviation * random.normal()), 1)) }
  }
}
