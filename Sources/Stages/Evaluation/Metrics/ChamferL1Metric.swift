/// Mean of the two mean nearest distances between the point clouds.
public struct ChamferL1Metric: Metric {
  public static let set = MetricSet.mesh
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "chamfer_l1"
  public let title = "Chamfer-L1"
  public let higherIsBetter = false
  public let decimals = 6
  public let tables: Set<MetricTable> = [.meshProtocols]

  public func score(_ maps: ScoredMaps) throws -> Double { try maps.pointClouds().chamferL1 }
}
