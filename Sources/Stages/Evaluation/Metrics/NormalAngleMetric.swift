import Imaging

/// Mean angle in degrees between the surface normals of both maps (study formula), up to the sign of an axis.
public struct NormalAngleMetric: Metric {
  public static let set = MetricSet.detailed
  public static func measured(thresholds: [Double]) -> [Self] { [Self()] }

  public let id = "normal_angle"
  public let title = "Normal error"
  public let unit: String? = "deg"
  public let higherIsBetter = false
  public let decimals = 2

  public func score(_ maps: ScoredMaps) -> Double {
    let counted = maps.region ?? Mask(width: maps.truth.width, height: maps.truth.height, repeating: true)
    return Normals.axisAgreement(
      Normals.fromDepth(maps.prediction), reference: Normals.fromDepth(maps.truth), mask: counted
    ).meanAngle
  }
}
