/// Structural similarity (``StructuralSimilarity``) over the unmasked bounding box of the region.
public struct SSIMMetric: Metric {
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "ssim"
  public let title = "SSIM"
  public let higherIsBetter = true
  public let decimals = 4
  public let hasWholeView = true
  public let seesOutsideRegion = true
  public let definition: String? =
    "7 x 7 uniform window, K = 0.01, 0.03, over the unmasked bounding box of the region"

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.ssim }
}
