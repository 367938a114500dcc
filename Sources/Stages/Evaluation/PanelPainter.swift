import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Paints what a table cannot say: input, prediction, truth, where the errors lie, and the shape under a raking light.
struct PanelPainter {
  /// Longest side of a picture.
  var size: Int

  /// - Parameters: `baseline` is the prediction of the plainest method, shown for comparison.
  /// - Returns: PNG files by role, and the absolute error that is painted brightest.
  func paint(
    low: Raster, prediction: Raster, baseline: Raster, truth: Raster, mask: Mask, photo: Raster?
  ) throws -> (images: [String: Data], errorLimit: Double) {
    let inside = mask.bits.indices.filter { mask.bits[$0] != 0 }.map {
      Self.difference(baseline, truth, at: $0)
    }
    let limit = inside.isEmpty ? 1 : max(Statistics.percentiles(inside, [99.5])[0], 1e-4)
    let enlarged = Resize.nearest(low, width: truth.width, height: truth.height)
    func errors(_ map: Raster) -> Raster {
      let magnitude = Raster(
        width: truth.width, height: truth.height,
        pixels: mask.bits.indices.map { Self.difference(map, truth, at: $0) })
      return DepthPictures.error(
        prediction: magnitude, truth: Raster(width: truth.width, height: truth.height), limit: Float(limit)
      ) { mask.bits[$0] != 0 }
    }
    var pictures: [String: Raster] = [
      "input": enlarged, "prediction": prediction, "truth": truth,
      "error": errors(prediction), "baseline_error": errors(baseline),
    ]
    if truth.channels == 1 {
      pictures["relief_input"] = Relief.shade(baseline, mask: mask)
      pictures["relief_prediction"] = Relief.shade(prediction, mask: mask)
      pictures["relief_truth"] = Relief.shade(truth, mask: mask)
      if let photo { pictures["photo"] = photo }
    }
    return (try pictures.mapValues { try ImageFile.encode(fitted($0).clamped(), as: .png8) }, limit)
  }

  /// The absolute difference of a pixel, its mean over the channels.
  private static func difference(_ a: Raster, _ b: Raster, at pixel: Int) -> Float {
    var sum: Float = 0
    for i in pixel * a.channels..<(pixel + 1) * a.channels { sum += abs(a.pixels[i] - b.pixels[i]) }
    return sum / Float(a.channels)
  }

  private func fitted(_ picture: Raster) -> Raster {
    let longest = max(picture.width, picture.height)
    guard longest > size else { return picture }
    return Resize.area(
      picture, width: max(1, picture.width * size / longest), height: max(1, picture.height * size / longest))
  }
}
