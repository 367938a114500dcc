import Basics
import Foundation

/// The study's low-resolution variants of one high-resolution map.
public enum Degradation: String, Hashable, Sendable, CaseIterable {
  /// OpenCV bicubic (a = -0.75, no antialiasing).
  case bicubic
  /// Bicubic, then Gaussian noise of 2 % of full scale, clipped to 0...1.
  case bicubicNoise = "bicubic_noise"
  /// Bicubic, then 8 bits.
  case bicubicQ8 = "bicubic_q8"
  /// The average over each block: what a renderer's pixel sees.
  case render
  /// The same, then 8 bits: the study's own setting. Parity: `image/lr_8bit_big`.
  case renderQ8 = "render_q8"

  /// The file depth that keeps the result: 8 for the quantised kinds, else 16.
  public var bitDepth: Int { self == .bicubicQ8 || self == .renderQ8 ? 8 : 16 }

  public var summary: String {
    switch self {
    case .bicubic: "bicubic 1/scale (a = -0.75, no antialiasing), 16 bits"
    case .bicubicNoise: "bicubic 1/scale, additive Gaussian noise of 2 % of full scale, 16 bits"
    case .bicubicQ8: "bicubic 1/scale, quantised to 8 bits"
    case .render: "area average 1/scale, 16 bits"
    case .renderQ8: "area average 1/scale, quantised to 8 bits"
    }
  }

  /// The low-resolution map, in 0...1, quantised to its ``bitDepth``.
  /// - Parameters:
  ///   - map: one channel in 0...1; width and height are divided by `scale`, rounding down, at least 1.
  ///   - seed: of the noise; the other kinds ignore it.
  public static func apply(
    kind: Degradation, to map: Raster, seed: UInt64, scale: Int = 4, noise: Double = 0.02
  ) -> Raster {
    precondition(scale > 0, "a scale of \(scale)")
    let (width, height) = (max(1, map.width / scale), max(1, map.height / scale))
    let small: Raster
    switch kind {
    case .bicubic, .bicubicQ8: small = Resize.cubic(map, width: width, height: height)
    case .bicubicNoise:
      small = addNoise(Resize.cubic(map, width: width, height: height), sigma: noise, seed: seed)
    case .render, .renderQ8: small = Resize.area(map, width: width, height: height)
    }
    return small.quantised(levels: kind.bitDepth == 8 ? 255 : 65535)
  }

  /// Adds Gaussian noise drawn in row-major order from the stream "noise" of `seed`, then clips to 0...1.
  public static func addNoise(_ raster: Raster, sigma: Double, seed: UInt64) -> Raster {
    var random = SeededRandom(seed: seed, stream: "noise")
    return raster.mapped { max(0, min(Float(Double($0) + sigma * random.normal()), 1)) }
  }
}
