/// Share of the pixels whose ratio to the truth, or its inverse, is below 1.25, 1.25^2 or 1.25^3.
public struct DeltaMetric: Metric {
  public static let set = MetricSet.detailed
  public static func measured(thresholds: [Double]) -> [Self] { (1...3).map(Self.init) }

  /// Of 1.25: 1, 2 or 3.
  let power: Int

  public var id: String { "delta_\(power)" }
  public var title: String { power == 1 ? "delta < 1.25" : "delta < 1.25^\(power)" }
  public let higherIsBetter = true
  public let decimals = 4

  public func score(_ maps: ScoredMaps) -> Double { maps.errors.delta[power - 1] }
}
