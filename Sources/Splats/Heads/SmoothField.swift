import Basics
import Foundation

/// A smooth random function of space: a sum of a few plane waves, unit variance. Errors of reconstructions are correlated
/// like this: neighbouring splats are wrong in the same direction.
struct SmoothField: Sendable {
  private let waves: [(direction: SIMD3<Float>, phase: Float)]

  /// - Parameter wavelength: the typical distance over which the value changes, in units of the points asked for.
  init(wavelength: Double, random: inout SeededRandom) {
    waves = (0..<5).map { _ in
      let v = SIMD3(random.normal(), random.normal(), random.normal())
      let length = max((v * v).sum().squareRoot(), 1e-6)
      let frequency = 2 * .pi / (wavelength * random.uniform(0.7, 1.6))
      return (SIMD3<Float>(v / length * frequency), Float(random.uniform(0, 2 * .pi)))
    }
  }

  func value(_ p: SIMD3<Float>) -> Float {
    var sum: Float = 0
    for wave in waves { sum += sin((wave.direction * p).sum() + wave.phase) }
    return sum * 0.632_455_5  // sqrt(2 / 5)
  }
}
