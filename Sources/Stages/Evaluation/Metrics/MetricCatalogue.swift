/// Every metric, one row each, in the order of tables; the first one ranks methods and samples.
public enum MetricCatalogue {
  public static let rows: [any Metric.Type] = [
    PSNRMetric.self,
    L1Metric.self,
    RMSEMetric.self,
    SSIMMetric.self,
    GradientL1Metric.self,
    GradientSSIMMetric.self,
    NormalAngleMetric.self,
    DeltaMetric.self,
    FScoreMetric.self,
    ChamferL1Metric.self,
    ChamferL2Metric.self,
    HausdorffMetric.self,
    SmoothnessMetric.self,
  ]

  /// The metrics of one set: over the declared region, then over the whole view.
  static func metrics(_ set: MetricSet, thresholds: [Double] = []) -> [MeasuredMetric] {
    let all = rows.filter { $0.set == set }.flatMap { $0.measured(thresholds: thresholds) as [any Metric] }
    return all.map { MeasuredMetric($0, over: .declared) }
      + all.filter(\.hasWholeView).map { MeasuredMetric($0, over: .wholeView) }
  }

  /// The metric under an identifier that was read from a result; nil for one this version does not have.
  static func metric(_ id: String) -> MeasuredMetric? {
    let whole = id.hasSuffix(MeasuredMetric.Region.suffix)
    let name = whole ? String(id.dropLast(MeasuredMetric.Region.suffix.count)) : id
    for row in rows {
      if let found = row.known(id) { return MeasuredMetric(found, over: .declared) }
      if whole, let found = row.known(name), found.hasWholeView { return MeasuredMetric(found, over: .wholeView) }
    }
    return nil
  }

  /// How this version prints a metric; nil for one that it does not have.
  static func record(_ id: String) -> MetricRecord? { metric(id)?.record(units: 1) }
}
