import Basics
import Foundation

/// The square filters of photo degradations; row-major, odd sides, summing to 1.
public struct DegradationKernel: Hashable, Sendable {
  public let side: Int
  public let weights: [Float]

  /// How fast a blur falls off from its middle, with q the squared distance in units of sigma.
  public enum Profile: Hashable, Sendable {
    /// exp(-q / 2)
    case gaussian
    /// exp(-q^beta / 2): flatter or sharper.
    case generalised(beta: Double)
    /// 1 / (1 + q^beta): a plateau with edges.
    case plateau(beta: Double)

    func value(_ q: Double) -> Double {
      switch self {
      case .gaussian: exp(-0.5 * q)
      case .generalised(let beta): exp(-0.5 * pow(q, beta))
      case .plateau(let beta): 1 / (1 + pow(q, beta))
      }
    }
  }

  private init(side: Int, _ value: (_ x: Double, _ y: Double) -> Double) {
    precondition(side % 2 == 1, "a kernel with the side \(side)")
    let radius = side / 2
    var values: [Double] = []
    for y in -radius...radius { for x in -radius...radius { values.append(value(Double(x), Double(y))) } }
    let sum = values.reduce(0, +)
    self.side = side
    weights = values.map { Float($0 / sum) }
  }

  /// A blur with its axes turned by `angle` (radians) and a sigma in pixels for each of them.
  public init(side: Int, sigmaX: Double, sigmaY: Double, angle: Double = 0, profile: Profile = .gaussian) {
    let (cosine, sine) = (cos(angle), sin(angle))
    self.init(side: side) { x, y in
      let u = (cosine * x + sine * y) / sigmaX
      let v = (-sine * x + cosine * y) / sigmaY
      return profile.value(u * u + v * v)
    }
  }

  /// A circular low-pass filter, w J1(w r) / (2 pi r) with the cutoff w in radians a pixel, which rings as sharpened
  /// pictures do.
  public init(side: Int, cutoff w: Double) {
    self.init(side: side) { x, y in
      let r = (x * x + y * y).squareRoot()
      return r == 0 ? w * w / (4 * .pi) : w * j1(w * r) / (2 * .pi * r)
    }
  }

  /// One of the blurs of Real-ESRGAN: alike in all directions or not; Gaussian, generalised or plateau.
  static func blur(sigma: ClosedRange<Double>, _ random: inout SeededRandom) -> DegradationKernel {
    let side = 7 + 2 * random.index(below: 8)
    let draw = random.uniform()
    let (isRound, family) =
      draw < 0.45
      ? (true, 0)
      : draw < 0.7
        ? (false, 0) : draw < 0.82 ? (true, 1) : draw < 0.85 ? (false, 1) : draw < 0.97 ? (true, 2) : (false, 2)
    let sigmaX = random.uniform(sigma.lowerBound, sigma.upperBound)
    let sigmaY = isRound ? sigmaX : random.uniform(sigma.lowerBound, sigma.upperBound)
    let angle = isRound ? 0 : random.uniform(-Double.pi, Double.pi)
    func beta(_ least: Double, _ most: Double) -> Double {
      random.uniform() < 0.5 ? random.uniform(least, 1) : random.uniform(1, most)
    }
    let profile: Profile =
      family == 0 ? .gaussian : family == 1 ? .generalised(beta: beta(0.5, 4)) : .plateau(beta: beta(1, 2))
    return DegradationKernel(side: side, sigmaX: sigmaX, sigmaY: sigmaY, angle: angle, profile: profile)
  }

  static func sinc(_ random: inout SeededRandom, isLast: Bool) -> DegradationKernel {
    let side = 7 + 2 * random.index(below: 8)
    let least = side < 13 || isLast ? Double.pi / 3 : Double.pi / 5
    return DegradationKernel(side: side, cutoff: random.uniform(least, Double.pi))
  }
}

extension Filters {
  /// Correlation with a square kernel.
  public static func correlate(
    _ raster: Raster, _ kernel: DegradationKernel, border: Border = .reflect101
  ) -> Raster {
    let (width, height, channels) = (raster.width, raster.height, raster.channels)
    let side = kernel.side
    let padded = border.padded(raster, radius: side / 2)
    let stride = width * channels
    return Raster.build(
      width: width, height: height, channels: channels, from: padded.pixels,
      work: stride * height * kernel.weights.count
    ) { band, source, target in
      for y in band {
        let to = target.pointer + y * stride
        for i in 0..<stride { to[i] = 0 }
        for (k, weight) in kernel.weights.enumerated() {
          let from = source.pointer + ((y + k / side) * padded.width + k % side) * channels
          for i in 0..<stride { to[i] += from[i] * weight }
        }
      }
    }
  }
}
