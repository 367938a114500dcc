/// Root of the mean squared error.
public struct RMSEMetric: Metric {
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "rmse"
  public let title = "RMSE"
  public let higherIsBetter = false
  public let decimals = 5
  public let aggregations: [MetricAggregation] = [.mean, .ofMeanSquaredError { $0.squareRoot() }]
  public let scalesWithRange = true
  public let hasWholeView = true

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.rmse }
}
