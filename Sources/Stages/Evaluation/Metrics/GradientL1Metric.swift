/// Mean absolute difference of the slopes in x and y, where both pixels count.
public struct GradientL1Metric: Metric {
  public static let set = MetricSet.detailed
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "gradient_l1"
  public let title = "Gradient L1"
  public let higherIsBetter = false
  public let decimals = 6

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.gradientL1 }
}
