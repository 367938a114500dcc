/// The largest nearest distance between the point clouds, in either direction.
public struct HausdorffMetric: Metric {
  public static let set = MetricSet.mesh
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "hausdorff"
  public let title = "Hausdorff"
  public let higherIsBetter = false
  public let decimals = 4

  public func score(_ maps: ScoredMaps) throws -> Double { try maps.pointClouds().hausdorff }
}
