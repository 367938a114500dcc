import Basics
import Foundation

/// Errors of one predicted map against the truth, each computed when it is first asked for. Parity: `metrics/image_metrics_*`.
///
/// A class, so that metrics which share a figure compute it once; for one thread.
public final class ImageMetrics {
  public let l1: Double
  public let mse: Double
  /// Pixels that counted.
  public let count: Int
  /// The mask had fewer than ``minimumPixels`` pixels, so the whole image counted.
  public let fellBack: Bool

  private let prediction: Raster
  private let truth: Raster
  private let mask: Mask?
  private let peak: Double

  /// Masks with fewer pixels count as absent.
  public static let minimumPixels = 100

  /// - Parameters:
  ///   - mask: pixels that count; SSIM and gradient SSIM look at its unmasked bounding box. nil: the whole image.
  ///   - peak: full scale of the values.
  ///   - border: pixels to leave out along every edge, before anything else.
  public init(prediction: Raster, truth: Raster, mask: Mask? = nil, peak: Double = 1, border: Int = 0) {
    precondition(
      prediction.width == truth.width && prediction.height == truth.height
        && prediction.channels == truth.channels,
      "prediction \(prediction.width) x \(prediction.height) x \(prediction.channels), truth \(truth.width) x "
        + "\(truth.height) x \(truth.channels)")
    precondition(
      mask.map { $0.width == truth.width && $0.height == truth.height } ?? true, "the mask differs in size")
    let isCropped = border > 0 && truth.width > 2 * border && truth.height > 2 * border
    func inner(_ raster: Raster) -> Raster {
      isCropped
        ? raster.cropped(
          x: border, y: border, width: raster.width - 2 * border, height: raster.height - 2 * border) : raster
    }
    let given = isCropped ? mask.map { Mask(inner($0.raster)) } : mask
    self.prediction = inner(prediction)
    self.truth = inner(truth)
    self.peak = peak
    self.mask = given.flatMap { $0.count >= Self.minimumPixels ? $0 : nil }
    fellBack = given != nil && self.mask == nil
    let errors = PixelErrors(self.prediction, self.truth, mask: self.mask)
    (l1, mse) = (errors.l1, errors.meanSquared)
    count = errors.samples / max(1, truth.channels)
  }

  public var rmse: Double { mse.squareRoot() }
  /// -10 log10(mse / peak^2 + 1e-12) dB: at most 120.
  public var psnr: Double { PSNR.decibels(mse: mse, peak: peak) }
  public private(set) lazy var ssim: Double = StructuralSimilarity.mean(boxed.prediction, boxed.truth, range: peak)
  /// Mean absolute difference of the forward differences in x and y, where both pixels count.
  public private(set) lazy var gradientL1: Double = GradientErrors.l1(prediction, truth, mask: mask)
  /// SSIM of the Sobel gradient magnitudes (divided by 8, so that they are slopes for each pixel).
  public private(set) lazy var gradientSSIM: Double = StructuralSimilarity.mean(
    GradientErrors.magnitude(boxed.prediction), GradientErrors.magnitude(boxed.truth), range: peak)
  /// Shares of the pixels (with both values above 0) whose ratio max(p / t, t / p) is below 1.25, 1.25^2, 1.25^3.
  public private(set) lazy var delta: [Double] = RatioAccuracy.deltas(prediction, truth, mask: mask)

  /// Both maps cut to the mask's bounding box.
  private lazy var boxed: (prediction: Raster, truth: Raster) = {
    guard let box = mask?.bounds else { return (prediction, truth) }
    func cut(_ raster: Raster) -> Raster { raster.cropped(x: box.x, y: box.y, width: box.width, height: box.height) }
    return (cut(prediction), cut(truth))
  }()
}
