/// Structural similarity of the Sobel gradient magnitudes.
public struct GradientSSIMMetric: Metric {
  public static let set = MetricSet.detailed
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "gradient_ssim"
  public let title = "Gradient SSIM"
  public let higherIsBetter = true
  public let decimals = 4
  public let seesOutsideRegion = true

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.gradientSSIM }
}
