import Basics
import Imaging
import Pipeline

/// The ways in which a low-resolution map is made from a high-resolution one: the study's five, by its names, and two more.
enum DegradationKind: String, ParameterChoice {
  /// Bicubic reduction (a = -0.75, no antialiasing), 16-bit.
  case bicubic
  /// The same with additive Gaussian noise.
  case bicubicNoise = "bicubic_noise"
  /// Bicubic, then 8-bit quantisation.
  case bicubicQ8 = "bicubic_q8"
  /// Area average of the rendered map, 16-bit.
  case render
  /// Area average, then 8-bit quantisation: the study's own setting.
  case renderQ8 = "render_q8"
  /// The nearest pixel: what a sparse depth sensor gives.
  case nearest
  /// Antialiased bicubic (a = -0.5) in float, as the papers on guided depth super-resolution reduce their maps.
  case bicubicAntialiased = "bicubic_antialiased"

  /// As a table shows it.
  var title: String {
    switch self {
    case .bicubic: "bicubic"
    case .bicubicNoise: "bicubic + noise"
    case .bicubicQ8: "bicubic + 8-bit"
    case .render: "render"
    case .renderQ8: "render + 8-bit"
    case .nearest: "nearest"
    case .bicubicAntialiased: "bicubic (antialiased)"
    }
  }

  /// How the result is stored without loss.
  var encoding: ImageFile.Encoding {
    switch self {
    case .bicubicQ8, .renderQ8: .png8
    case .bicubic, .bicubicNoise, .render, .nearest: .png16
    // It overshoots 0...1 at steps, and the measure of the papers keeps that.
    case .bicubicAntialiased: .tiffFloat
    }
  }

  /// The low-resolution map.
  /// - Parameters:
  ///   - map: one channel, 0...1; its sides are multiples of `scale`.
  ///   - noise: standard deviation of the noise as a share of full scale.
  func apply(to map: Raster, scale: Int, noise: Double, seed: UInt64) -> Raster {
    let width = map.width / scale
    let height = map.height / scale
    switch self {
    case .nearest: return Resize.nearest(map, width: width, height: height)
    case .bicubicAntialiased: return Resize.cubicAntialiased(map, width: width, height: height)
    case .bicubic, .bicubicNoise, .bicubicQ8, .render, .renderQ8:
      guard let studied = Degradation(rawValue: rawValue) else { preconditionFailure("\(rawValue) has no definition") }
      return Degradation.apply(kind: studied, to: map, seed: seed, scale: scale, noise: noise)
    }
  }
}
