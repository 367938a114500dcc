/// Mean of the two mean squared nearest distances between the point clouds.
public struct ChamferL2Metric: Metric {
  public static let set = MetricSet.mesh
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "chamfer_l2"
  public let title = "Chamfer-L2"
  public let higherIsBetter = false
  public let decimals = 8

  public func score(_ maps: ScoredMaps) throws -> Double { try maps.pointClouds().chamferL2 }
}
