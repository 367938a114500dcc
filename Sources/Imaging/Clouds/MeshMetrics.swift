import Foundation

/// Distances between the point clouds of a predicted and a true depth map. Parity: `metrics/mesh_*`.
public struct MeshMetrics: Hashable, Sendable {
  public let protocolName: String
  /// Mean of the two mean nearest distances.
  public let chamferL1: Double
  /// Mean of the two mean squared nearest distances.
  public let chamferL2: Double
  /// The largest nearest distance in either direction.
  public let hausdorff: Double
  /// In the order of the protocol's thresholds.
  public let scores: [Score]
  /// Mean |Laplacian| (OpenCV's 3 x 3 kernel) of the predicted depth inside the mask.
  public let smoothness: Double
  public let predictedPoints: Int
  public let truePoints: Int

  public struct Score: Hashable, Sendable {
    public let threshold: Double
    public let precision: Double
    public let recall: Double
    /// Harmonic mean; 0 when both are 0.
    public let fScore: Double
  }

  /// - Returns: nil when either cloud is empty.
  public static func compute(
    prediction: Raster, truth: Raster, mask: Mask, under rule: MeshProtocol
  ) -> MeshMetrics? {
    let predicted = rule.cloud(prediction, mask: mask)
    let real = rule.cloud(truth, mask: mask)
    guard
      let precision = NearestNeighbours.summary(from: predicted, to: real, thresholds: rule.thresholds),
      let recall = NearestNeighbours.summary(from: real, to: predicted, thresholds: rule.thresholds)
    else { return nil }
    let scores = rule.thresholds.indices.map { i -> Score in
      let (p, r) = (precision.within[i], recall.within[i])
      return Score(
        threshold: rule.thresholds[i], precision: p, recall: r, fScore: p + r > 0 ? 2 * p * r / (p + r) : 0)
    }
    return MeshMetrics(
      protocolName: rule.name, chamferL1: (precision.mean + recall.mean) / 2,
      chamferL2: (precision.meanSquare + recall.meanSquare) / 2,
      hausdorff: max(precision.maximum, recall.maximum), scores: scores,
      smoothness: smoothness(prediction, mask: mask, under: rule), predictedPoints: precision.count,
      truePoints: recall.count)
  }

  /// Mean |Laplacian| inside the mask. With fewer than 100 mask pixels protocol B gives 0, the others the whole image's.
  public static func smoothness(_ depth: Raster, mask: Mask, under rule: MeshProtocol) -> Double {
    let values = Filters.laplacianInDouble(depth)
    if mask.count < ImageMetrics.minimumPixels {
      if case .b = rule.kind { return 0 }
      return values.isEmpty ? 0 : values.reduce(0) { $0 + abs($1) } / Double(values.count)
    }
    var sum = 0.0
    for i in 0..<values.count where mask.bits[i] != 0 { sum += abs(values[i]) }
    return sum / Double(mask.count)
  }
}
