import Basics
import Foundation
import Imaging
import Pipeline

/// Which samples of a dataset are scored.
enum EvaluatedSide: String, ParameterChoice {
  case validation, train, all

  func contains(_ sample: Sample) -> Bool { self == .all || sample.record["side"] == .string(rawValue) }
}

/// What stands outside the mask while a map is scored. Networks that learned inside the mask may write anything outside,
/// and SSIM and gradients look at windows and at a bounding box, so that this decides numbers.
enum OutsideMask: String, ParameterChoice {
  /// Both maps as they are.
  case keep
  /// The prediction takes the truth's values there.
  case truth
  /// Both maps are 0 there.
  case background

  func apply(prediction: Raster, truth: Raster, mask: Mask) -> (prediction: Raster, truth: Raster) {
    switch self {
    case .keep: return (prediction, truth)
    case .truth:
      var mixed = prediction
      for i in mixed.pixels.indices where mask.bits[i / truth.channels] == 0 { mixed.pixels[i] = truth.pixels[i] }
      return (mixed, truth)
    case .background: return (prediction.masked(mask), truth.masked(mask))
    }
  }
}

/// How numbers are measured: everything that could change one, declared once and printed with every table.
struct ScoringProtocol: StageParameters {
  var side = EvaluatedSide.validation
  var masked = true
  var outside = OutsideMask.keep
  var zone = EvaluationZone()
  var cropBorder = 0
  var clamp = true
  var unitsPerRange = 1.0
  var precision = PrecisionName.float32
  var detailed = false
  var mesh: MeshScoring?

  static let fields: [ParameterField<Self>] = [
    .init("side", \.side, "Which samples of the dataset are scored."),
    .init(
      "masked", \.masked, "Whether l1, rmse, psnr and ssim count only pixels inside the mask; `_full` metrics never do."
    ),
    .init(
      "outside", \.outside,
      "Outside the mask, keep: as predicted; truth: the prediction takes the truth's values; background: both maps are 0. "
        + "Decides SSIM, whose windows and bounding box reach out of the mask, and the `_full` metrics."),
    .init("zone", \.zone, "Which views and which part of the face count; everything when nothing is set."),
    .init(
      "crop_border", \.cropBorder, "Pixels at each edge of the picture that never count.", unit: "px",
      type: .int(0...512)),
    .init("clamp", \.clamp, "Whether predictions are limited to 0...1 before they are scored."),
    .init(
      "units_per_range", \.unitsPerRange,
      "l1 and rmse in units of which the value range has this many: 255 for 8-bit units.",
      type: .double(1e-6...1e9)),
    .init(
      "precision", \.precision,
      "How networks store images between layers: bf16 takes half the memory; the figures stay float32."),
    .init(
      "detailed", \.detailed,
      "Also gradient L1 and SSIM, delta accuracies and the angle between normals; several times slower."),
    .init("mesh", \.mesh, "Also mesh metrics, under one rule for making point clouds; null: none."),
  ]

  /// The declaration in words.
  /// - Parameter zones: digest of the masks on the input `zones`; nil when none are connected.
  func record(zones: String?) -> EvaluationProtocolRecord {
    let regions = [masked ? "inside the face mask" : "over the whole picture"] + zone.sentences(zones: zones)
    let units = unitsPerRange == 1 ? "1" : fixed(unitsPerRange, 0)
    let limited = clamp ? "limited to the range" : "not limited to the range"
    let outsideText =
      switch outside {
      case .keep: "as predicted"
      case .truth: "the truth's values"
      case .background: "0 in both maps"
      }
    let parts =
      [masked ? "masked" : "full view"] + zone.names(zones: zones)
      + (outside == .keep ? [] : ["outside \(outside.rawValue)"]) + (precision == .float32 ? [] : [precision.rawValue])
      + (mesh.map { ["mesh \($0.name)"] } ?? [])
    return EvaluationProtocolRecord(
      name: parts.joined(separator: ", "),
      summary:
        "Value range \(units), \(regions.joined(separator: ", ")), \(side.rawValue) samples, crop border \(cropBorder) px; "
        + "predictions are \(limited) and not quantised"
        + (outside == .keep ? ". " : ", outside the mask \(outsideText). ")
        + (precision == .float32 ? "" : "Networks store images between layers in bfloat16. ")
        + "PSNR of the mean squared error over samples (mse), and mean of the samples' PSNR (mean)."
        + (mesh.map { " Point clouds by protocol \($0.description)." } ?? ""),
      fields: [
        ProtocolField("samples", side.rawValue), ProtocolField("region", masked ? "mask" : "whole picture"),
        ProtocolField("outside the mask", outsideText),
      ] + zone.fields(zones: zones) + [
        ProtocolField("crop border", "\(cropBorder) px"), ProtocolField("value range", "0...\(units)"),
        ProtocolField("prediction", "32-bit float, \(limited)"),
      ] + (precision == .float32 ? [] : [ProtocolField("networks", "bfloat16 between layers")]) + [
        ProtocolField("ssim", "7 x 7 uniform window, K = 0.01, 0.03, over the unmasked bounding box of the region"),
        ProtocolField("aggregation", "mse: from the mean squared error over samples; mean: mean over samples"),
      ] + (mesh.map { [ProtocolField("mesh", $0.description)] } ?? []))
  }

  var metrics: [MetricRecord] {
    let all = Self.metrics + (detailed ? Self.detailedMetrics : []) + (mesh?.metrics ?? [])
    return unitsPerRange == 1
      ? all
      : all.map { metric in
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

  private static let detailedMetrics: [MetricRecord] = [
    MetricRecord(id: "gradient_l1", title: "Gradient L1", higherIsBetter: false, decimals: 6),
    MetricRecord(id: "gradient_ssim", title: "Gradient SSIM", higherIsBetter: true, decimals: 4),
    MetricRecord(id: "normal_angle", title: "Normal error", unit: "deg", higherIsBetter: false, decimals: 2),
    MetricRecord(id: "delta_1", title: "delta < 1.25", higherIsBetter: true, decimals: 4),
    MetricRecord(id: "delta_2", title: "delta < 1.25^2", higherIsBetter: true, decimals: 4),
    MetricRecord(id: "delta_3", title: "delta < 1.25^3", higherIsBetter: true, decimals: 4),
  ]

  /// One sample's scores by metric identifier; `mse` (value range 1) and `mse_full` besides, from which aggregates are made.
  /// - Parameter prediction: of the view's size.
  /// - Throws: `StageFailure` when the region holds too few pixels for a figure that means anything.
  func score(_ prediction: Raster, _ view: EvaluatedSample) throws -> [String: Double] {
    guard view.truth.channels == 1 || (!detailed && mesh == nil && zone.surfaceYaw == nil) else {
      throw StageFailure(
        "`detailed`, `mesh` and `zone.surface_yaw` measure depth, but `\(view.name)` is a photo",
        help: "leave them out for photos")
    }
    let (prediction, truth) = outside.apply(prediction: prediction, truth: view.truth, mask: view.mask)
    // What the zone leaves of the mask, or of the picture; nil: the whole picture.
    let zone = try self.zone.pixels(of: view)
    let region = masked ? zone.map(view.mask.intersection) ?? view.mask : zone
    let full = ImageMetrics.compute(prediction: prediction, truth: truth, border: cropBorder, full: false)
    let inside =
      region == nil && !detailed
      ? full
      : ImageMetrics.compute(prediction: prediction, truth: truth, mask: region, border: cropBorder, full: detailed)
    guard !inside.fellBack else {
      let what = zone == nil ? "the mask" : "the zone inside the mask"
      throw StageFailure(
        "\(what) of `\(view.name)` holds \(region?.count ?? 0) pixels, fewer than the \(ImageMetrics.minimumPixels) that a "
          + "score needs", help: zone == nil ? "look at its mask, or set `masked: false`" : "widen `zone`")
    }
    let units = unitsPerRange
    var scores = [
      "l1": inside.l1 * units, "rmse": inside.rmse * units, "mse": inside.mse, "psnr": inside.psnr, "ssim": inside.ssim,
      "l1_full": full.l1 * units, "rmse_full": full.rmse * units, "mse_full": full.mse, "psnr_full": full.psnr,
      "ssim_full": full.ssim,
    ]
    if detailed {
      scores["gradient_l1"] = inside.gradientL1
      scores["gradient_ssim"] = inside.gradientSSIM
      for (index, share) in inside.delta.enumerated() { scores["delta_\(index + 1)"] = share }
      let counted = region ?? Mask(width: truth.width, height: truth.height, repeating: true)
      scores["normal_angle"] =
        Normals.axisAgreement(Normals.fromDepth(prediction), reference: Normals.fromDepth(truth), mask: counted)
        .meanAngle
    }
    if let mesh {
      let mask = zone.map(view.mask.intersection) ?? view.mask
      let found = try mesh.score(prediction, truth: truth, mask: mask, range: view.range, sample: view.name)
      scores.merge(found) { own, _ in own }
    }
    return scores
  }
}
