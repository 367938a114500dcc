import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Which samples of a dataset are scored.
enum EvaluatedSide: String, ParameterChoice {
  case validation, train, all

  func contains(_ sample: Sample) -> Bool { self == .all || sample.record["side"] == .string(rawValue) }
}

/// The values outside the mask while a map is scored. Networks that learned inside the mask may write anything outside,
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
      "masked", \.masked,
      "Whether \(names(of: MetricCatalogue.metrics(.standard)) { $0.region == .declared }) count only pixels inside the mask; "
        + "`\(MeasuredMetric.Region.suffix)` metrics never do."
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
      "\(names(of: MetricCatalogue.metrics(.standard)) { $0.region == .declared && $0.metric.scalesWithRange }) in units of "
        + "which the value range has this many: 255 for 8-bit units.",
      type: .double(1e-6...1e9)),
    .init(
      "precision", \.precision,
      "How networks store images between layers: bf16 takes half the memory; the figures stay float32."),
    .init(
      "detailed", \.detailed,
      "Also \(names(of: MetricCatalogue.metrics(.detailed)) { _ in true }); several times slower."),
    .init("mesh", \.mesh, "Also mesh metrics, under one rule for making point clouds; null: none."),
  ]

  /// Identifiers of the metrics that count, in a sentence.
  private static func names(of metrics: [MeasuredMetric], _ counts: (MeasuredMetric) -> Bool) -> String {
    let ids = metrics.filter(counts).map(\.id)
    return ids.count < 2 ? ids.joined() : ids.dropLast().joined(separator: ", ") + " and " + ids[ids.count - 1]
  }

  /// The declaration in words.
  /// - Parameter zones: digest of the masks on the input `zones`; nil when none are connected.
  func record(zones: String?) -> EvaluationProtocolRecord {
    let measured = measured
    let main = measured.first?.metric
    let definitions =
      measured.compactMap { item in
        item.region == .declared ? item.metric.definition.map { ProtocolField(item.id, $0) } : nil
      }
      + (main.map { main in
        [ProtocolField("aggregation", main.aggregations.map { "\($0.id): \($0.definition)" }.joined(separator: "; "))]
      } ?? [])
    let regions = [masked ? "inside the face mask" : "over the whole picture"] + zone.sentences(zones: zones)
    let units = unitsPerRange == 1 ? "1" : Numbers.plain(unitsPerRange, 0)
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
        + (main.map { main in main.aggregations.map { $0.phrase(main.title) }.joined(separator: ", and ") + "." } ?? "")
        + (mesh.map { " Point clouds by protocol \($0.description)." } ?? ""),
      fields: [
        ProtocolField("samples", side.rawValue), ProtocolField("region", masked ? "mask" : "whole picture"),
        ProtocolField("outside the mask", outsideText),
      ] + zone.fields(zones: zones) + [
        ProtocolField("crop border", "\(cropBorder) px"), ProtocolField("value range", "0...\(units)"),
        ProtocolField("prediction", "32-bit float, \(limited)"),
      ] + (precision == .float32 ? [] : [ProtocolField("networks", "bfloat16 between layers")]) + definitions
        + (mesh.map { [ProtocolField("mesh", $0.description)] } ?? []))
  }

  /// Everything this protocol measures, in the order of tables.
  var measured: [MeasuredMetric] {
    MetricCatalogue.metrics(.standard) + (detailed ? MetricCatalogue.metrics(.detailed) : [])
      + (mesh.map { MetricCatalogue.metrics(.mesh, thresholds: $0.thresholds) } ?? [])
  }

  var metrics: [MetricRecord] { measured.map { $0.record(units: unitsPerRange) } }

  /// One sample's figures, and its mean squared errors (of a value range of 1), from which aggregates are made.
  /// - Parameter prediction: of the view's size.
  /// - Throws: `StageFailure` when the region holds too few pixels for a figure that means anything.
  func score(_ prediction: Raster, _ view: EvaluatedSample) throws -> SampleFigures {
    guard view.truth.channels == 1 || (!detailed && mesh == nil && zone.surfaceYaw == nil) else {
      throw StageFailure(
        "`detailed`, `mesh` and `zone.surface_yaw` measure depth, but `\(view.name)` is a photo",
        help: "leave them out for photos")
    }
    let (prediction, truth) = outside.apply(prediction: prediction, truth: view.truth, mask: view.mask)
    // The part of the mask, or of the picture, inside the zone; nil: the whole picture.
    let zone = try self.zone.pixels(of: view)
    let region = masked ? zone.map(view.mask.intersection) ?? view.mask : zone
    let maps = ScoredMaps(prediction: prediction, truth: truth, region: region, border: cropBorder) {
      guard let mesh else { throw StageFailure("point clouds were compared without a rule for making them") }
      let mask = zone.map(view.mask.intersection) ?? view.mask
      return try mesh.compare(prediction, truth: truth, mask: mask, range: view.range, sample: view.name)
    }
    guard !maps.errors.fellBack else {
      let what = zone == nil ? "the mask" : "the zone inside the mask"
      throw StageFailure(
        "\(what) of `\(view.name)` holds \(region?.count ?? 0) pixels, fewer than the \(ImageMetrics.minimumPixels) that a "
          + "score needs", help: zone == nil ? "look at its mask, or set `masked: false`" : "widen `zone`")
    }
    var figures = SampleFigures()
    for metric in measured { figures.values[metric.id] = try metric.score(maps, units: unitsPerRange) }
    figures.squaredErrors = [.declared: maps.errors.mse, .wholeView: maps.wholeView.errors.mse]
    return figures
  }
}

/// The figures of one method on one sample.
struct SampleFigures {
  /// By identifier of the metric.
  var values: [String: Double] = [:]
  /// Mean squared errors of a value range of 1.
  var squaredErrors: [MeasuredMetric.Region: Double] = [:]
}
