/// Mean absolute Laplacian of the predicted depth inside the mask: how rough its surface is.
public struct SmoothnessMetric: Metric {
  public static let set = MetricSet.mesh
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "smoothness"
  public let title = "Mean |Laplacian|"
  public let higherIsBetter = false
  public let decimals = 5

  public func score(_ maps: ScoredMaps) throws -> Double { try maps.pointClouds().smoothness }
}
