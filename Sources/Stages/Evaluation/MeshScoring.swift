import Basics
import Foundation
import Imaging
import Pipeline

/// How depth maps become point clouds for mesh metrics. The study's two scripts did it differently (domain of its headline
/// "0.999 against 0.65"): numbers under different choices cannot be compared.
struct MeshScoring: StageParameters {
  enum Kind: String, ParameterChoice { case a, b, world }

  var kind = Kind.a
  var thresholds: [Double] = [0.01, 0.005, 0.001, 0.0005]
  var subsample = 2
  var near = 2.2
  var far = 3.2
  var fieldOfView = 50.0

  static let fields: [ParameterField<Self>] = [
    .init(
      "kind", \.kind,
      "a: z = depth, focal length W / (2 tan 25 deg); b: z = 1 - depth, focal length 500; world: camera distance."),
    .init(
      "thresholds", \.thresholds, "Distances at which points count as hit, in units of the cloud.",
      type: .list(.double(1e-9...1e6))),
    .init("subsample", \.subsample, "Take every n-th row and column (b: every n-th pixel).", type: .int(1...64)),
    .init("near", \.near, "world: camera distance of depth 1.", unit: "world units", type: .double(0...1e6)),
    .init("far", \.far, "world: camera distance of depth 0.", unit: "world units", type: .double(0...1e6)),
    .init("field_of_view", \.fieldOfView, "world: horizontal.", unit: "deg", type: .double(1...179)),
  ]

  func validate() -> [String] {
    kind == .world && far <= near ? ["`far` (\(far)) must be greater than `near` (\(near))"] : []
  }

  var rule: MeshProtocol {
    switch kind {
    case .a: MeshProtocol(name: "A", kind: .a, subsample: subsample, thresholds: thresholds)
    case .b: MeshProtocol(name: "B", kind: .b, subsample: subsample, thresholds: thresholds)
    case .world:
      .world(near: near, far: far, fieldOfView: fieldOfView, subsample: subsample, thresholds: thresholds)
    }
  }

  var metrics: [MetricRecord] {
    let scores = thresholds.map {
      MetricRecord(id: "fscore_\($0)", title: "F-score at \($0)", higherIsBetter: true, decimals: 3)
    }
    return scores + [
      MetricRecord(id: "chamfer_l1", title: "Chamfer-L1", higherIsBetter: false, decimals: 6),
      MetricRecord(id: "chamfer_l2", title: "Chamfer-L2", higherIsBetter: false, decimals: 8),
      MetricRecord(id: "hausdorff", title: "Hausdorff", higherIsBetter: false, decimals: 4),
      MetricRecord(id: "smoothness", title: "Mean |Laplacian|", higherIsBetter: false, decimals: 5),
    ]
  }

  /// - Throws: `StageFailure` when a cloud is empty.
  func score(_ prediction: Raster, truth: Raster, mask: Mask, sample: String) throws -> [String: Double] {
    guard let found = MeshMetrics.compute(prediction: prediction, truth: truth, mask: mask, under: rule) else {
      throw StageFailure("`\(sample)` gives no points inside its mask", help: "look at its depth and mask")
    }
    var result = [
      "chamfer_l1": found.chamferL1, "chamfer_l2": found.chamferL2, "hausdorff": found.hausdorff,
      "smoothness": found.smoothness,
    ]
    for score in found.scores { result["fscore_\(score.threshold)"] = score.fScore }
    return result
  }
}
