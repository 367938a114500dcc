import Reporting

/// A metric over the region that the protocol declares, or over the whole view.
struct MeasuredMetric: Sendable {
  enum Region: Hashable, Sendable {
    case declared
    case wholeView

    /// Ends the identifiers of figures over the whole view.
    static let suffix = "_full"
  }

  let metric: any Metric
  let region: Region

  init(_ metric: any Metric, over region: Region) {
    self.metric = metric
    self.region = region
  }

  var id: String { region == .declared ? metric.id : metric.id + Region.suffix }

  /// - Parameter units: `units_per_range` of the protocol.
  func record(units: Double) -> MetricRecord {
    let isScaled = metric.scalesWithRange && units != 1
    return MetricRecord(
      id: id, title: region == .declared ? metric.title : "\(metric.title) (full view)",
      unit: isScaled ? "of \(Numbers.plain(units, 0))" : metric.unit, higherIsBetter: metric.higherIsBetter,
      decimals: isScaled ? 3 : metric.decimals, aggregations: metric.aggregations.map(\.id))
  }

  func score(_ maps: ScoredMaps, units: Double) throws -> Double {
    let value = try metric.score(region == .declared ? maps : maps.wholeView)
    return metric.scalesWithRange ? value * units : value
  }

  /// The figure of all samples that belongs to the mean of their mean squared errors.
  func pooled(_ meanSquaredError: Double, units: Double, _ figure: (Double) -> Double) -> Double {
    let value = figure(meanSquaredError)
    return metric.scalesWithRange ? value * units : value
  }
}

extension MetricRecord {
  /// The row behind a record of a result; nil for a metric that this version does not have.
  private var row: MeasuredMetric? { MetricCatalogue.metric(id) }

  /// Whether it was measured without mask and zone.
  var isOverWholeView: Bool { row?.region == .wholeView }
  /// Whether what a method writes outside the mask changes it.
  var seesOutsideRegion: Bool { row.map { $0.region == .wholeView || $0.metric.seesOutsideRegion } ?? false }
  var isOfPointClouds: Bool { row.map { type(of: $0.metric).set == .mesh } ?? false }
  var isFScore: Bool { row?.metric is FScoreMetric }

  func isShown(in table: MetricTable) -> Bool { row?.metric.tables.contains(table) ?? false }
}
