import Basics
import Foundation
import Imaging
import Pipeline

/// Which samples of a dataset are scored.
enum EvaluatedSide: String, ParameterChoice {
  case validation, train, all

  func contains(_ sample: Sample) -> Bool { self == .all || sample.record["side"] == .string(rawValue) }
}

/// How numbers are measured: everything that could change one, declared once and printed with every table.
struct ScoringProtocol: StageParameters {
  var side = EvaluatedSide.validation
  var masked = true
  var cropBorder = 0
  var clamp = true
  var unitsPerRange = 1.0

  static let fields: [ParameterField<Self>] = [
    .init("side", \.side, "Which samples of the dataset are scored."),
    .init(
      "masked", \.masked, "Whether l1, rmse, psnr and ssim count only pixels inside the mask; `_full` metrics never do."
    ),
    .init(
      "crop_border", \.cropBorder, "Pixels at each edge of the picture that never count.", unit: "px",
      type: .int(0...512)),
    .init("clamp", \.clamp, "Whether predictions are limited to 0...1 before they are scored."),
    .init(
      "units_per_range", \.unitsPerRange,
      "l1 and rmse in units of which the value range has this many: 255 for 8-bit units.",
      type: .double(1e-6...1e9)),
  ]

  var record: EvaluationProtocolRecord {
    let region = masked ? "inside the face mask" : "over the whole picture"
    let units = unitsPerRange == 1 ? "1" : fixed(unitsPerRange, 0)
    let limited = clamp ? "limited to the range" : "not limited to the range"
    return EvaluationProtocolRecord(
      name: masked ? "masked" : "full view",
      summary:
        "Value range \(units), \(region), \(side.rawValue) samples, crop border \(cropBorder) px; predictions are \(limited) "
        + "and not quantised. PSNR of the mean squared error over samples (mse), and mean of the samples' PSNR (mean).",
      fields: [
        ProtocolField("samples", side.rawValue), ProtocolField("region", masked ? "mask" : "whole picture"),
        ProtocolField("crop border", "\(cropBorder) px"), ProtocolField("value range", "0...\(units)"),
        ProtocolField("prediction", "32-bit float, \(limited)"),
        ProtocolField("ssim", "7 x 7 uniform window, K = 0.01, 0.03"),
        ProtocolField("aggregation", "mse: from the mean squared error over samples; mean: mean over samples"),
      ])
  }

  var metrics: [MetricRecord] {
    unitsPerRange == 1
      ? Self.metrics
      : Self.metrics.map { metric in
        var metric = metric
        if metric.id.hasPrefix("l1") || metric.id.hasPrefix("rmse") {
          (metric.unit, metric.decimals) = ("of \(fixed(unitsPerRange, 0))", 3)
        }
        return metric
      }
  }

  private static let metrics: [MetricRecord] = [
    MetricRecord(
      id: "psnr", title: "PSNR", unit: "dB", higherIsBetter: true, decimals: 2, aggregations: ["mse", "mean"]),
    MetricRecord(id: "l1", title: "L1", higherIsBetter: false, decimals: 5),
    MetricRecord(id: "rmse", title: "RMSE", higherIsBetter: false, decimals: 5, aggregations: ["mean", "mse"]),
    MetricRecord(id: "ssim", title: "SSIM", higherIsBetter: true, decimals: 4),
    MetricRecord(
      id: "psnr_full", title: "PSNR (full view)", unit: "dB", higherIsBetter: true, decimals: 2,
      aggregations: ["mse", "mean"]),
    MetricRecord(id: "l1_full", title: "L1 (full view)", higherIsBetter: false, decimals: 5),
    MetricRecord(
      id: "rmse_full", title: "RMSE (full view)", higherIsBetter: false, decimals: 5, aggregations: ["mean", "mse"]),
    MetricRecord(id: "ssim_full", title: "SSIM (full view)", higherIsBetter: true, decimals: 4),
  ]

  /// One sample's scores by metric identifier; `mse` (value range 1) and `mse_full` besides, from which aggregates are made.
  /// - Throws: `StageFailure` when the mask holds too few pixels for a figure that means anything.
  func score(_ prediction: Raster, truth: Raster, mask: Mask, sample: String) throws -> [String: Double] {
    let full = ImageMetrics.compute(prediction: prediction, truth: truth, border: cropBorder, full: false)
    let inside =
      masked
      ? ImageMetrics.compute(prediction: prediction, truth: truth, mask: mask, border: cropBorder, full: false) : full
    guard !inside.fellBack else {
      throw StageFailure(
        "the mask of `\(sample)` holds \(mask.count) pixels, fewer than the \(ImageMetrics.minimumPixels) that a score needs",
        help: "look at its mask, or set `masked: false`")
    }
    let units = unitsPerRange
    return [
      "l1": inside.l1 * units, "rmse": inside.rmse * units, "mse": inside.mse, "psnr": inside.psnr, "ssim": inside.ssim,
      "l1_full": full.l1 * units, "rmse_full": full.rmse * units, "mse_full": full.mse, "psnr_full": full.psnr,
      "ssim_full": full.ssim,
    ]
  }
}
