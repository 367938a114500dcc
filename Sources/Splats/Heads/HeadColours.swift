import Basics

/// The colours of one head and the light on it. RGB in linear light, 0...1.
public struct HeadColours: Hashable, Sendable {
  var skin = SIMD3<Float>(0.56, 0.3, 0.2)
  var lips = SIMD3<Float>(0.45, 0.14, 0.12)
  var hair = SIMD3<Float>(0.07, 0.04, 0.025)
  var iris = SIMD3<Float>(0.1, 0.06, 0.03)
  var cloth = SIMD3<Float>(0.1, 0.2, 0.35)
  /// How strongly the beard shows, 0...1.
  var stubble: Float = 0
  /// How red cheeks and nose are, 0...1.
  var blush: Float = 0.4
  /// Unit vector towards the main light, in head axes.
  var light = SIMD3<Float>(-0.42, 0.55, 0.72)

  init() {}

  init(random: inout SeededRandom) {
    func mix(_ colours: [SIMD3<Float>], _ position: Double) -> SIMD3<Float> {
      let at = position * Double(colours.count - 1)
      let index = min(Int(at), colours.count - 2)
      let t = Float(at - Double(index))
      return colours[index] * (1 - t) + colours[index + 1] * t
    }
    func jitter(_ colour: SIMD3<Float>, _ amount: Double) -> SIMD3<Float> {
      colour
        * SIMD3(
          Float(1 + random.uniform(-amount, amount)), Float(1 + random.uniform(-amount, amount)),
          Float(1 + random.uniform(-amount, amount)))
    }
    let tone = random.uniform()
    skin = jitter(
      mix(
        [
          SIMD3(0.78, 0.52, 0.41), SIMD3(0.68, 0.41, 0.29), SIMD3(0.5, 0.27, 0.16), SIMD3(0.27, 0.13, 0.075),
          SIMD3(0.11, 0.055, 0.035),
        ], tone), 0.06)
    lips = skin * SIMD3(0.82, 0.46, 0.5)
    let dark = tone > 0.45
    hair = jitter(
      mix(
        [
          SIMD3(0.01, 0.008, 0.007), SIMD3(0.035, 0.02, 0.012), SIMD3(0.1, 0.05, 0.025), SIMD3(0.25, 0.12, 0.05),
          SIMD3(0.45, 0.3, 0.13), SIMD3(0.38, 0.37, 0.36),
        ], dark ? random.uniform(0, 0.3) : random.uniform()), 0.15)
    iris = jitter(
      mix(
        [SIMD3(0.05, 0.025, 0.012), SIMD3(0.12, 0.07, 0.03), SIMD3(0.1, 0.14, 0.07), SIMD3(0.1, 0.2, 0.32)],
        dark ? random.uniform(0, 0.3) : random.uniform()), 0.15)
    cloth = SIMD3(
      Float(random.uniform(0.03, 0.5)), Float(random.uniform(0.03, 0.5)), Float(random.uniform(0.03, 0.5)))
    stubble = random.uniform() < 0.35 ? Float(random.uniform(0.3, 0.8)) : 0
    blush = Float(random.uniform(0.2, 0.7))
    let side: Float = random.uniform() < 0.5 ? -1 : 1
    let direction = SIMD3(
      side * Float(random.uniform(0.25, 0.6)), Float(random.uniform(0.35, 0.7)), Float(random.uniform(0.6, 0.9)))
    light = direction / (direction * direction).sum().squareRoot()
  }
}
