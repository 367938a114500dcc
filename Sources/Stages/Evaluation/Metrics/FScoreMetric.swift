/// Harmonic mean of the shares of predicted and of true points that have a point of the other cloud within a distance.
public struct FScoreMetric: Metric {
  public static let set = MetricSet.mesh
  public static func measured(thresholds: [Double]) -> [Self] { thresholds.map(Self.init) }
  public static func known(_ id: String) -> Self? {
    guard id.hasPrefix(prefix), let threshold = Double(id.dropFirst(prefix.count)) else { return nil }
    return Self(threshold: threshold)
  }
  private static let prefix = "fscore_"

  /// In units of the cloud.
  let threshold: Double

  public var id: String { "\(Self.prefix)\(threshold)" }
  public var title: String { "F-score at \(threshold)" }
  public let higherIsBetter = true
  public let decimals = 3
  public let tables: Set<MetricTable> = [.pairedTests, .meshProtocols]

  /// NaN where the protocol does not count hits at this distance.
  public func score(_ maps: ScoredMaps) throws -> Double {
    try maps.pointClouds().scores.first { $0.threshold == threshold }?.fScore ?? .nan
  }
}
