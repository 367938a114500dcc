/// Mean absolute error.
public struct L1Metric: Metric {
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "l1"
  public let title = "L1"
  public let higherIsBetter = false
  public let decimals = 5
  public let scalesWithRange = true
  public let hasWholeView = true
  public let tables: Set<MetricTable> = [.pairedTests]

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.l1 }
}
