import Basics
import Foundation

/// The second-order degradation of photographs: blur, resize, noise, JPEG; the same again, milder; then a sinc filter, before
/// or after the last JPEG. Everything is drawn from one seed.
///
/// Source: Wang, Xie, Dong, Shan, "Real-ESRGAN", ICCV workshops 2021, section 3 and its published settings, which are the
/// defaults. Sigma is in pixels, noise in 8-bit levels. Where the paper's Poisson noise counts with the number of distinct
/// values of the picture, this one counts 255.
public struct SecondOrderDegradation: Hashable, Sendable {
  /// The draws of one of the two rounds.
  public struct Round: Hashable, Sendable {
    /// Chance of a blur at all.
    public var blurChance = 1.0
    /// Chance of a sinc kernel instead of a blur.
    public var sincChance = 0.1
    public var blurSigma = 0.2...3.0
    /// Chances of growing and of shrinking; else the size stays. And how far.
    public var growChance = 0.2
    public var shrinkChance = 0.7
    public var resizeRange = 0.15...1.5
    /// Chance of noise being Gaussian rather than Poisson, and of it being equal in all channels.
    public var gaussianChance = 0.5
    public var greyChance = 0.4
    public var gaussianNoise = 1.0...30.0
    public var poissonScale = 0.05...3.0
    public var quality = 30...95

    public init() {}

    /// The milder second round.
    public static var second: Round {
      var round = Round()
      (round.blurChance, round.blurSigma) = (0.8, 0.2...1.5)
      (round.growChance, round.shrinkChance, round.resizeRange) = (0.3, 0.4, 0.3...1.2)
      (round.gaussianNoise, round.poissonScale) = (1...25, 0.05...2.5)
      return round
    }
  }

  public var first = Round()
  public var second = Round.second
  public var finalSincChance = 0.8
  public var scale = 4

  public init() {}

  /// The degraded photo of 1 / `scale` the size, quantised to 8 bits.
  /// - Throws: ``ImageError`` when the JPEG step fails (other than 1 or 3 channels).
  public func apply(to photo: Raster, seed: UInt64) throws -> Raster {
    var random = SeededRandom(seed: seed, stream: "second-order")
    let (width, height) = (max(1, photo.width / scale), max(1, photo.height / scale))
    var image = blurred(photo, first, &random)
    image = resized(image, relativeTo: photo, factor: 1, first, &random)
    image = noisy(image, first, &random)
    image = try jpeg(image, first.quality, &random)
    image = blurred(image, second, &random)
    image = resized(image, relativeTo: photo, factor: 1 / Double(scale), second, &random)
    image = noisy(image, second, &random)
    let sinc = random.uniform() < finalSincChance ? DegradationKernel.sinc(&random, isLast: true) : nil
    let mode = random.index(below: 3)
    func finish(_ raster: Raster) -> Raster {
      let small = resize(raster, width, height, mode)
      return (sinc.map { Filters.correlate(small, $0) } ?? small).mapped { max(0, min($0, 1)) }
    }
    if random.uniform() < 0.5 {
      image = try jpeg(finish(image), second.quality, &random)
    } else {
      image = finish(try jpeg(image, second.quality, &random))
    }
    return image.quantised(levels: 255)
  }

  private func blurred(_ image: Raster, _ round: Round, _ random: inout SeededRandom) -> Raster {
    if random.uniform() >= round.blurChance { return image }
    let kernel =
      random.uniform() < round.sincChance
      ? DegradationKernel.sinc(&random, isLast: false) : DegradationKernel.blur(sigma: round.blurSigma, &random)
    return Filters.correlate(image, kernel).mapped { max(0, min($0, 1)) }
  }

  private func resized(
    _ image: Raster, relativeTo photo: Raster, factor: Double, _ round: Round, _ random: inout SeededRandom
  ) -> Raster {
    let draw = random.uniform()
    let size: Double
    if draw < round.growChance {
      size = random.uniform(1, max(1, round.resizeRange.upperBound))
    } else if draw < round.growChance + round.shrinkChance {
      size = random.uniform(min(1, round.resizeRange.lowerBound), 1)
    } else {
      size = 1
    }
    let width = max(1, Int((Double(photo.width) * factor * size).rounded()))
    let height = max(1, Int((Double(photo.height) * factor * size).rounded()))
    return resize(image, width, height, random.index(below: 3))
  }

  private func resize(_ image: Raster, _ width: Int, _ height: Int, _ mode: Int) -> Raster {
    let result: Raster =
      switch mode {
      case 0: Resize.area(image, width: width, height: height)
      case 1: Resize.linear(image, width: width, height: height)
      default: Resize.cubic(image, width: width, height: height)
      }
    return result.mapped { max(0, min($0, 1)) }
  }

  private func noisy(_ image: Raster, _ round: Round, _ random: inout SeededRandom) -> Raster {
    let gaussian = random.uniform() < round.gaussianChance
    let grey = random.uniform() < round.greyChance
    let range = gaussian ? round.gaussianNoise : round.poissonScale
    let strength = random.uniform(range.lowerBound, range.upperBound)
    var result = image
    let channels = image.channels
    for i in 0..<image.width * image.height {
      var shared = 0.0
      for c in 0..<channels {
        let value = Double(image.pixels[i * channels + c])
        if c == 0 || !grey {
          shared =
            gaussian
            ? random.normal() * strength / 255
            : (Self.poisson(max(0, value) * 255, &random) / 255 - max(0, value)) * strength
        }
        result.pixels[i * channels + c] = Float(max(0, min(value + shared, 1)))
      }
    }
    return result
  }

  /// Knuth's product of uniforms up to a mean of 30, the normal approximation above.
  static func poisson(_ mean: Double, _ random: inout SeededRandom) -> Double {
    if mean <= 0 { return 0 }
    if mean > 30 { return max(0, (mean + mean.squareRoot() * random.normal()).rounded()) }
    let limit = exp(-mean)
    var product = 1.0
    var count = -1.0
    repeat {
      product *= random.uniform()
      count += 1
    } while product > limit
    return count
  }

  private func jpeg(_ image: Raster, _ range: ClosedRange<Int>, _ random: inout SeededRandom) throws -> Raster {
    let quality = range.lowerBound + random.index(below: range.count)
    return try ImageFile.read(ImageFile.encode(image, as: .jpeg(quality: quality)), name: "degraded image").raster
  }
}
