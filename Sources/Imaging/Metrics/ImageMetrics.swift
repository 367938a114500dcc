import Foundation

/// Errors of one predicted map against the truth. Parity: `metrics/image_metrics_*`.
public struct ImageMetrics: Hashable, Sendable {
  public let l1: Double
  public let mse: Double
  public let rmse: Double
  /// -10 log10(mse / peak^2 + 1e-12) dB: at most 120.
  public let psnr: Double
  public let ssim: Double
  /// Mean absolute difference of the forward differences in x and y, where both pixels count.
  public let gradientL1: Double
  /// SSIM of the Sobel gradient magnitudes (divided by 8, so that they are slopes for each pixel).
  public let gradientSSIM: Double
  /// Shares of the pixels (with both values above 0) whose ratio max(p / t, t / p) is below 1.25, 1.25^2, 1.25^3.
  public let delta: [Double]
  /// Pixels that counted.
  public let count: Int
  /// The mask had fewer than ``minimumPixels`` pixels, so the whole image counted.
  public let fellBack: Bool

  /// Masks with fewer pixels count as absent.
  public static let minimumPixels = 100

  /// - Parameters:
  ///   - mask: pixels that count; SSIM and gradient SSIM look at its unmasked bounding box. nil: the whole image.
  ///   - peak: full scale of the values.
  ///   - border: pixels to leave out along every edge, before anything else.
  ///   - full: also the gradient and delta figures; without it they are NaN and empty, and the rest is several times faster.
  public static func compute(
    prediction: Raster, truth: Raster, mask: Mask? = nil, peak: Double = 1, border: Int = 0, full: Bool = true
  ) -> ImageMetrics {
    precondition(
      prediction.width == truth.width && prediction.height == truth.height
        && prediction.channels == truth.channels,
      "prediction \(prediction.width) x \(prediction.height) x \(prediction.channels), truth \(truth.width) x "
        + "\(truth.height) x \(truth.channels)")
    precondition(
      mask.map { $0.width == truth.width && $0.height == truth.height } ?? true, "the mask differs in size")
    if border > 0 && truth.width > 2 * border && truth.height > 2 * border {
      let (w, h) = (truth.width - 2 * border, truth.height - 2 * border)
      return compute(
        prediction: prediction.cropped(x: border, y: border, width: w, height: h),
        truth: truth.cropped(x: border, y: border, width: w, height: h),
        mask: mask.map { Mask($0.raster.cropped(x: border, y: border, width: w, height: h)) }, peak: peak, full: full)
    }
    let given = mask?.count ?? 0
    let used = given >= minimumPixels ? mask : nil
    let (sumAbsolute, sumSquares, count) = errors(prediction, truth, used)
    let n = Double(max(count, 1))
    let mse = sumSquares / n
    var (a, b) = (prediction, truth)
    if let box = used?.bounds {
      a = prediction.cropped(x: box.x, y: box.y, width: box.width, height: box.height)
      b = truth.cropped(x: box.x, y: box.y, width: box.width, height: box.height)
    }
    return ImageMetrics(
      l1: sumAbsolute / n, mse: mse, rmse: mse.squareRoot(), psnr: PSNR.decibels(mse: mse, peak: peak),
      ssim: StructuralSimilarity.mean(a, b, range: peak),
      gradientL1: full ? gradientL1(prediction, truth, used) : .nan,
      gradientSSIM: full
        ? StructuralSimilarity.mean(gradientMagnitude(a), gradientMagnitude(b), range: peak) : .nan,
      delta: full ? deltas(prediction, truth, used) : [], count: count / max(1, truth.channels),
      fellBack: mask != nil && used == nil)
  }

  /// Sums by row, then over the rows in order: the same for any number of threads.
  private static func errors(_ a: Raster, _ b: Raster, _ mask: Mask?) -> (Double, Double, Int) {
    let (width, height, channels) = (a.width, a.height, a.channels)
    var sums = [SIMD2<Double>](repeating: .zero, count: height)
    var counts = [Int](repeating: 0, count: height)
    let bits = mask?.bits ?? [UInt8](repeating: 1, count: width * height)
    a.pixels.withSource { a in
      b.pixels.withSource { b in
        bits.withSource { bits in
          sums.withTarget { sums in
            counts.withTarget { counts in
              forRows(height, work: width * height * channels * 2) { band in
                for y in band {
                  var (absolute, squares, count) = (0.0, 0.0, 0)
                  for x in 0..<width where bits[y * width + x] != 0 {
                    for i in (y * width + x) * channels..<(y * width + x + 1) * channels {
                      let difference = Double(a[i]) - Double(b[i])
                      absolute += abs(difference)
                      squares += difference * difference
                    }
                    count += channels
                  }
                  sums[y] = SIMD2(absolute, squares)
                  counts[y] = count
                }
              }
            }
          }
        }
      }
    }
    let total = sums.reduce(SIMD2<Double>.zero, +)
    return (total.x, total.y, counts.reduce(0, +))
  }

  private static func gradientL1(_ a: Raster, _ b: Raster, _ mask: Mask?) -> Double {
    let (width, height, channels) = (a.width, a.height, a.channels)
    var sum = 0.0
    var count = 0
    for y in 0..<height {
      for x in 0..<width where mask?[x, y] ?? true {
        for (inside, step) in [(x + 1 < width, 1), (y + 1 < height, width)] where inside {
          if let mask, mask.bits[y * width + x + step] == 0 { continue }
          for c in 0..<channels {
            let i = (y * width + x) * channels + c
            let j = i + step * channels
            sum += Double(abs((a.pixels[j] - a.pixels[i]) - (b.pixels[j] - b.pixels[i])))
          }
          count += channels
        }
      }
    }
    return count == 0 ? 0 : sum / Double(count)
  }

  private static func gradientMagnitude(_ raster: Raster) -> Raster {
    let dx = Filters.sobel(raster, .x)
    let dy = Filters.sobel(raster, .y)
    var result = dx
    for i in 0..<result.pixels.count {
      result.pixels[i] = (dx.pixels[i] * dx.pixels[i] + dy.pixels[i] * dy.pixels[i]).squareRoot() / 8
    }
    return result
  }

  private static func deltas(_ a: Raster, _ b: Raster, _ mask: Mask?) -> [Double] {
    var hits = [0, 0, 0]
    var count = 0
    for i in 0..<a.pixels.count where mask.map({ $0.bits[i / a.channels] != 0 }) ?? true {
      let (p, t) = (a.pixels[i], b.pixels[i])
      guard p > 0, t > 0 else { continue }
      let ratio = max(p / t, t / p)
      count += 1
      if ratio < 1.25 { hits[0] += 1 }
      if ratio < 1.5625 { hits[1] += 1 }
      if ratio < 1.953125 { hits[2] += 1 }
    }
    return hits.map { count == 0 ? .nan : Double($0) / Double(count) }
  }
}

/// Peak signal-to-noise ratio, and its two aggregations over samples; they differ by up to a decibel, so tables name theirs.
public enum PSNR {
  public static func decibels(mse: Double, peak: Double = 1) -> Double {
    -10 * log10(mse / (peak * peak) + 1e-12)
  }
  /// The PSNR of the mean over samples of their mean squared errors ("aggregate MSE").
  public static func ofMeanError(_ mse: [Double], peak: Double = 1) -> Double {
    mse.isEmpty ? .nan : decibels(mse: Statistics.mean(mse), peak: peak)
  }
  /// The mean of the samples' own PSNR.
  public static func meanOfSamples(_ mse: [Double], peak: Double = 1) -> Double {
    Statistics.mean(mse.map { decibels(mse: $0, peak: peak) })
  }
}

/// Angles between predicted and true normals, in degrees.
public struct NormalMetrics: Hashable, Sendable {
  public let mean: Double
  public let median: Double
  public let rmse: Double
  /// Shares of the pixels within 11.25, 22.5 and 30 degrees.
  public let within: [Double]
  public let count: Int

  /// Pixels without a normal on either side (length below 0.5) do not count. nil when none does.
  public static func compute(prediction: Raster, truth: Raster, mask: Mask? = nil) -> NormalMetrics? {
    precondition(
      prediction.width == truth.width && prediction.height == truth.height && prediction.channels == 3
        && truth.channels == 3, "prediction and truth differ in size")
    var angles: [Double] = []
    for i in 0..<truth.width * truth.height where mask.map({ $0.bits[i] != 0 }) ?? true {
      func vector(_ raster: Raster) -> SIMD3<Double> {
        SIMD3(Double(raster.pixels[3 * i]), Double(raster.pixels[3 * i + 1]), Double(raster.pixels[3 * i + 2]))
      }
      let (a, b) = (vector(prediction), vector(truth))
      let lengths = ((a * a).sum() * (b * b).sum()).squareRoot()
      if (a * a).sum() < 0.25 || (b * b).sum() < 0.25 { continue }
      angles.append(acos(max(-1, min((a * b).sum() / lengths, 1))) * 180 / .pi)
    }
    if angles.isEmpty { return nil }
    let n = Double(angles.count)
    return NormalMetrics(
      mean: Statistics.mean(angles), median: Statistics.percentile(angles, 50),
      rmse: (angles.reduce(0) { $0 + $1 * $1 } / n).squareRoot(),
      within: [11.25, 22.5, 30].map { limit in Double(angles.filter { $0 < limit }.count) / n }, count: angles.count)
  }
}
