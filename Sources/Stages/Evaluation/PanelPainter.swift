import Basics
import Foundation
import Imaging
import Pipeline

/// Paints what a table cannot say: input, prediction, truth, where the errors lie, and the shape under a raking light.
struct PanelPainter {
  /// Longest side of a picture.
  var size: Int

  /// - Parameters: `baseline` is the prediction of the plainest method, shown for comparison.
  /// - Returns: PNG files by role, and the absolute error that is painted brightest.
  func paint(
    low: Raster, prediction: Raster, baseline: Raster, truth: Raster, mask: Mask, photo: Raster?
  ) throws -> (images: [String: Data], errorLimit: Double) {
    let baselineError = Self.error(baseline, truth, mask)
    let predictionError = Self.error(prediction, truth, mask)
    var inside: [Float] = []
    for pixel in baselineError.pixels.indices where mask[pixel] { inside.append(baselineError.pixels[pixel]) }
    let limit = inside.isEmpty ? 1 : max(Statistics.percentiles(inside, [99.5])[0], 1e-4)
    let enlarged = Resize.nearest(low, width: truth.width, height: truth.height)
    var pictures: [String: Raster] = [
      "input": enlarged, "prediction": prediction, "truth": truth,
      "error": Self.heat(predictionError, limit: Float(limit)),
      "baseline_error": Self.heat(baselineError, limit: Float(limit)),
    ]
    if truth.channels == 1 {
      pictures["relief_input"] = Relief.shade(baseline, mask: mask)
      pictures["relief_prediction"] = Relief.shade(prediction, mask: mask)
      pictures["relief_truth"] = Relief.shade(truth, mask: mask)
      if let photo { pictures["photo"] = photo }
    }
    return (try pictures.mapValues { try ImageFile.encode(fitted($0).clamped(), as: .png8) }, limit)
  }

  private func fitted(_ picture: Raster) -> Raster {
    let longest = max(picture.width, picture.height)
    guard longest > size else { return picture }
    return Resize.area(
      picture, width: max(1, picture.width * size / longest), height: max(1, picture.height * size / longest))
  }

  /// The absolute error inside the mask, its mean over the channels.
  private static func error(_ a: Raster, _ b: Raster, _ mask: Mask) -> Raster {
    var result = Raster(width: a.width, height: a.height)
    let channels = a.channels
    for pixel in result.pixels.indices where mask[pixel] {
      var sum: Float = 0
      for i in pixel * channels..<(pixel + 1) * channels { sum += abs(a.pixels[i] - b.pixels[i]) }
      result.pixels[pixel] = sum / Float(channels)
    }
    return result
  }

  /// Black through violet, red and orange to pale yellow, each step lighter than the last, so that it also reads in grey.
  private static let colours: [(Float, Float, Float)] = [
    (0.00, 0.00, 0.02), (0.27, 0.05, 0.40), (0.66, 0.15, 0.38), (0.93, 0.38, 0.16), (0.98, 0.72, 0.15),
    (1.00, 1.00, 0.80),
  ]

  private static func heat(_ error: Raster, limit: Float) -> Raster {
    var result = Raster(width: error.width, height: error.height, channels: 3)
    let steps = Float(colours.count - 1)
    for (pixel, value) in error.pixels.enumerated() {
      let place = min(max(value / limit, 0), 1) * steps
      let lower = min(Int(place), colours.count - 2)
      let share = place - Float(lower)
      let (a, b) = (colours[lower], colours[lower + 1])
      result.pixels[pixel * 3] = a.0 + (b.0 - a.0) * share
      result.pixels[pixel * 3 + 1] = a.1 + (b.1 - a.1) * share
      result.pixels[pixel * 3 + 2] = a.2 + (b.2 - a.2) * share
    }
    return result
  }
}
