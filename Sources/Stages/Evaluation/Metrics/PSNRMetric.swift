import Imaging

/// Peak signal-to-noise ratio in dB, for a peak of 1: -10 log10(mse + 1e-12), at most 120.
public struct PSNRMetric: Metric {
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "psnr"
  public let title = "PSNR"
  public let unit: String? = "dB"
  public let higherIsBetter = true
  public let decimals = 2
  public let aggregations: [MetricAggregation] = [.ofMeanSquaredError { PSNR.decibels(mse: $0, peak: 1) }, .mean]
  public let hasWholeView = true
  public let tables: Set<MetricTable> = [.pairedTests]

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.psnr }
}
