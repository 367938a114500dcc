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
  var near: Double?
  var far: Double?
  var fieldOfView = 50.0

  static let fields: [ParameterField<Self>] = [
    .init(
      "kind", \.kind,
      "a: z = depth, focal length W / (2 tan 25 deg); b: z = 1 - depth, focal length 500; world: camera distance."),
    .init(
      "thresholds", \.thresholds, "Distances at which points count as hit, in units of the cloud.",
      type: .list(.double(1e-9...1e6))),
    .init("subsample", \.subsample, "Take every n-th row and column (b: every n-th pixel).", type: .int(1...64)),
    .init(
      "near", \.near, "world: camera distance of depth 1, for all samples; null: each sample's own, from its record.",
      unit: "world units", type: .optional(.double(0...1e6))),
    .init(
      "far", \.far, "world: camera distance of depth 0, for all samples; null: each sample's own, from its record.",
      unit: "world units", type: .optional(.double(0...1e6))),
    .init("field_of_view", \.fieldOfView, "world: horizontal.", unit: "deg", type: .double(1...179)),
  ]

  func validate() -> [String] {
    guard kind == .world else { return [] }
    switch (near, far) {
    case (let near?, let far?): return far <= near ? ["`far` (\(far)) must be greater than `near` (\(near))"] : []
    case (nil, nil): return []
    default: return ["give both `near` and `far`, or neither to use each sample's own"]
    }
  }

  /// The short name, such as `A`.
  var name: String { kind == .world ? "world" : kind.rawValue.uppercased() }

  /// The rule in words, the same for every sample.
  var description: String {
    let limits = thresholds.map { "\($0)" }.joined(separator: ", ")
    switch kind {
    case .a, .b: return rule(DepthRange(near: 0, far: 1)).description
    case .world:
      if let near, let far { return rule(DepthRange(near: near, far: far)).description }
      return "world: z = far - depth * (far - near) in world units with each sample's own near and far, field of view "
        + "\(fieldOfView) deg, every \(subsample). row and column inside the mask, tau \(limits)"
    }
  }

  private func rule(_ range: DepthRange) -> MeshProtocol {
    switch kind {
    case .a: MeshProtocol(name: name, kind: .a, subsample: subsample, thresholds: thresholds)
    case .b: MeshProtocol(name: name, kind: .b, subsample: subsample, thresholds: thresholds)
    case .world:
      .world(
        near: range.near, far: range.far, fieldOfView: fieldOfView, subsample: subsample, thresholds: thresholds)
    }
  }

  /// Compares the point clouds of both maps.
  /// - Parameter range: of the sample, for clouds in world units.
  /// - Throws: `StageFailure` when a cloud is empty or the sample has no range.
  func compare(
    _ prediction: Raster, truth: Raster, mask: Mask, range: DepthRange?, sample: String
  ) throws -> MeshMetrics {
    let declared = near.flatMap { near in far.map { DepthRange(near: near, far: $0) } }
    guard let range = declared ?? range ?? (kind == .world ? nil : DepthRange(near: 0, far: 1)) else {
      throw StageFailure(
        "`\(sample)` does not record the camera distances of depth 1 and 0 (`near`, `far`), which clouds in world units need",
        help:
          "take renders from `splats.render`, put a depth_range.json into FaceLift's folder, or give `near` and `far`")
    }
    guard let found = MeshMetrics.compute(prediction: prediction, truth: truth, mask: mask, under: rule(range)) else {
      throw StageFailure("`\(sample)` gives no points inside its mask", help: "look at its depth and mask")
    }
    return found
  }
}

/// The camera distances of depth 1 and depth 0, in world units.
struct DepthRange: Hashable {
  var near: Double
  var far: Double

  init(near: Double, far: Double) { (self.near, self.far) = (near, far) }

  /// From a sample's record: `near` and `far` of the render, and the part of it (`depth_top`, `depth_low`) that
  /// normalisation stretched to 1...0.
  init?(_ record: [String: JSON]) {
    guard let near = record["near"]?.doubleValue, let far = record["far"]?.doubleValue, far > near else { return nil }
    let top = record["depth_top"]?.doubleValue ?? 1
    let low = record["depth_low"]?.doubleValue ?? 0
    let range = top - low < 1e-6 ? 1 : top - low
    self.near = far - top * (far - near)
    self.far = self.near + range * (far - near)
  }
}
