import Basics
import Foundation
import Imaging
import Testing

@Suite struct SecondOrderDegradationTests {
  /// A smooth picture with an edge and a texture.
  private func photo(_ side: Int = 64) -> Raster {
    var raster = Raster(width: side, height: side, channels: 3)
    for y in 0..<side {
      for x in 0..<side {
        for c in 0..<3 {
          let texture = 0.1 * sin(Double(x) * 0.9) * cos(Double(y) * 0.7 + Double(c))
          raster[x, y, c] = Float(0.3 + (x > side / 2 ? 0.3 : 0) + 0.1 * Double(c) + texture)
        }
      }
    }
    return raster
  }

  @Test func theSeedDecidesEverything() throws {
    let degradation = SecondOrderDegradation()
    let first = try degradation.apply(to: photo(), seed: 5)
    #expect(try degradation.apply(to: photo(), seed: 5) == first)
    #expect(try degradation.apply(to: photo(), seed: 6) != first)
    #expect(first.width == 16 && first.height == 16 && first.channels == 3)
    #expect(first.pixels.allSatisfy { (0...1).contains($0) && abs($0 * 255 - ($0 * 255).rounded()) < 1e-3 })
  }

  /// Whatever is drawn, the picture stays recognisable: it is nearer to the reduced photo than a flat grey is, on average.
  @Test func thePictureStaysRecognisable() throws {
    let clean = Resize.area(photo(), width: 16, height: 16)
    let mean = clean.pixels.reduce(0, +) / Float(clean.pixels.count)
    func distance(_ raster: Raster) -> Double {
      var sum = 0.0
      for (a, b) in zip(raster.pixels, clean.pixels) { sum += Double(abs(a - b)) }
      return sum / Double(clean.pixels.count)
    }
    let flat = distance(clean.mapped { _ in mean })
    let values = try (0..<20).map { distance(try SecondOrderDegradation().apply(to: photo(), seed: $0)) }
    #expect(values.reduce(0, +) / 20 < flat, "\(values), flat \(flat)")
    #expect(values.allSatisfy { $0 > 0.002 }, "every draw degrades: \(values)")
  }

  /// With all chances at zero and the best JPEG little more than the reduction is left.
  @Test func eachPartCanBeSwitchedOff() throws {
    var degradation = SecondOrderDegradation()
    var quiet = SecondOrderDegradation.Round()
    (quiet.blurChance, quiet.growChance, quiet.shrinkChance) = (0, 0, 0)
    (quiet.gaussianChance, quiet.gaussianNoise, quiet.quality) = (1, 0...0, 100...100)
    (degradation.first, degradation.second, degradation.finalSincChance) = (quiet, quiet, 0)
    // A smooth picture, for which all ways of resizing agree.
    var smooth = Raster(width: 64, height: 64, channels: 3)
    for i in smooth.pixels.indices { smooth.pixels[i] = Float(0.2 + 0.5 * Double(i / 3 % 64) / 64) }
    func worst(_ degradation: SecondOrderDegradation) throws -> Float {
      let result = try degradation.apply(to: smooth, seed: 3)
      return zip(result.pixels, Resize.area(smooth, width: 16, height: 16).pixels).map { abs($0 - $1) }.max() ?? 1
    }
    #expect(try worst(degradation) < 0.02)
    // And each switched on alone is seen.
    degradation.second.gaussianNoise = 25...25
    #expect(try worst(degradation) > 0.1)
    degradation.second = quiet
    degradation.second.quality = 5...5
    #expect(try worst(degradation) > 0.02)
  }

  @Test func kernelsAreWhatTheirFormulasSay() {
    let round = DegradationKernel(side: 21, sigmaX: 2, sigmaY: 2)
    let turned = DegradationKernel(side: 21, sigmaX: 3, sigmaY: 1, angle: .pi / 2)
    let sinc = DegradationKernel(side: 21, cutoff: .pi / 3)
    let plateau = DegradationKernel(side: 21, sigmaX: 3, sigmaY: 3, profile: .plateau(beta: 2))
    let sharp = DegradationKernel(side: 21, sigmaX: 2, sigmaY: 2, profile: .generalised(beta: 1))
    for kernel in [round, turned, sinc, plateau] { #expect(abs(kernel.weights.reduce(0, +) - 1) < 1e-5) }
    #expect(sharp == round, "the generalised Gaussian of beta 1 is the Gaussian")
    func variance(_ kernel: DegradationKernel, _ axis: KeyPath<(x: Int, y: Int), Int>) -> Double {
      kernel.weights.enumerated().reduce(0) { sum, item in
        let place = (x: item.offset % kernel.side - kernel.side / 2, y: item.offset / kernel.side - kernel.side / 2)
        return sum + Double(item.element) * Double(place[keyPath: axis] * place[keyPath: axis])
      }
    }
    #expect(abs(variance(round, \.x) - 4) < 0.05 && abs(variance(round, \.y) - 4) < 0.05)
    #expect(abs(variance(turned, \.y) - 9) < 0.2 && abs(variance(turned, \.x) - 1) < 0.1, "turned by 90 degrees")
    #expect(sinc.weights.contains { $0 < -0.001 }, "a sinc filter rings")
    // Half way down the plateau at a distance of sigma.
    let centre = plateau.weights[10 * 21 + 10]
    #expect(abs(plateau.weights[10 * 21 + 13] / centre - 0.5) < 1e-4)
  }

  /// A low-pass filter lets slow waves through and stops fast ones.
  @Test func theSincFilterStopsFastWaves() {
    let kernel = DegradationKernel(side: 21, cutoff: .pi / 3)
    func strength(_ frequency: Double) -> Float {
      var wave = Raster(width: 96, height: 96)
      for i in wave.pixels.indices { wave.pixels[i] = Float(sin(frequency * Double(i % 96))) }
      let result = Filters.correlate(wave, kernel)
      return (32..<64).map { abs(result[$0, 48]) }.max() ?? 0
    }
    #expect(strength(.pi / 8) > 0.9 && strength(.pi * 0.7) < 0.1, "\(strength(.pi / 8)), \(strength(.pi * 0.7))")
  }

  /// Correlation with a kernel that is no mirror image of itself, against the definition.
  @Test func correlationIsNotConvolution() {
    var random = SeededRandom(seed: 1)
    let raster = Raster(width: 7, height: 5, channels: 3, pixels: (0..<105).map { _ in Float(random.uniform()) })
    let kernel = DegradationKernel(side: 3, sigmaX: 2, sigmaY: 0.6, angle: 0.5)
    let result = Filters.correlate(raster, kernel)
    func at(_ i: Int, _ n: Int) -> Int { i < 0 ? -i : i >= n ? 2 * n - 2 - i : i }
    for (x, y, c) in [(0, 0, 0), (6, 4, 2), (3, 2, 1), (0, 4, 1)] {
      var sum: Float = 0
      for dy in -1...1 {
        for dx in -1...1 {
          sum += kernel.weights[(dy + 1) * 3 + dx + 1] * raster[at(x + dx, 7), at(y + dy, 5), c]
        }
      }
      #expect(abs(result[x, y, c] - sum) < 1e-6)
    }
  }
}
