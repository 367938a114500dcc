import Pipeline

/// One figure of evaluation tables: a type in a file of its own in this folder and a row in ``MetricCatalogue``. The protocol's
/// text, help, tables, figures, reports and `compare` follow from it.
public protocol Metric: Sendable {
  /// When it is measured.
  static var set: MetricSet { get }
  /// The metrics of this type: one, or several that differ in a parameter.
  /// - Parameter thresholds: distances at which points of a cloud count as hit, as the protocol's `mesh` declares them.
  static func measured(thresholds: [Double]) -> [Self]
  /// The metric of this type under an identifier that was read from a result; nil for identifiers of others.
  static func known(_ id: String) -> Self?

  /// Identifier in results and files, such as `psnr`.
  var id: String { get }
  /// As a paper prints it, such as `PSNR`.
  var title: String { get }
  /// Such as `dB`; nil without a unit.
  var unit: String? { get }
  var higherIsBetter: Bool { get }
  /// Digits after the point in tables.
  var decimals: Int { get }
  /// How the samples' figures become one, the main way first.
  var aggregations: [MetricAggregation] { get }
  /// Whether it is a distance between values, which `units_per_range` multiplies.
  var scalesWithRange: Bool { get }
  /// Whether it is also measured over the whole view, without mask and zone, as `<id>_full`.
  var hasWholeView: Bool { get }
  /// Whether values outside the region change it, through windows or a bounding box.
  var seesOutsideRegion: Bool { get }
  /// The definition that protocols declare beside the numbers; nil where the name says all.
  var definition: String? { get }
  /// Tables of a report that show only some metrics, and this one.
  var tables: Set<MetricTable> { get }

  /// The figure of one sample, for a value range of 1.
  /// - Throws: `StageFailure` when the sample has none.
  func score(_ maps: ScoredMaps) throws -> Double
}

extension Metric {
  public static var set: MetricSet { .standard }
  public static func known(_ id: String) -> Self? { measured(thresholds: []).first { $0.id == id } }
  public var unit: String? { nil }
  public var aggregations: [MetricAggregation] { [.mean] }
  public var scalesWithRange: Bool { false }
  public var hasWholeView: Bool { false }
  public var seesOutsideRegion: Bool { false }
  public var definition: String? { nil }
  public var tables: Set<MetricTable> { [] }
}

/// When a metric is measured.
public enum MetricSet: Sendable {
  /// Always.
  case standard
  /// Under `detailed: true`; of depth alone.
  case detailed
  /// Under a rule for making point clouds (`mesh`); of depth alone.
  case mesh
}

/// Tables of a report that show chosen metrics only.
public enum MetricTable: Sendable {
  /// Paired tests against the baseline.
  case pairedTests
  /// One set of maps under several mesh protocols.
  case meshProtocols
}

/// How the figures of samples become one.
public enum MetricAggregation: Sendable {
  /// The mean of the samples' figures, with its standard deviation and interval.
  case mean
  /// The figure that belongs to the mean over samples of their mean squared errors (of a value range of 1).
  case ofMeanSquaredError(@Sendable (Double) -> Double)

  /// As results and tables name it.
  public var id: String {
    switch self {
    case .mean: "mean"
    case .ofMeanSquaredError: "mse"
    }
  }

  /// As a paper prints it.
  public var title: String {
    switch self {
    case .mean: "mean over samples"
    case .ofMeanSquaredError: "of mean MSE"
    }
  }

  var definition: String {
    switch self {
    case .mean: "mean over samples"
    case .ofMeanSquaredError: "from the mean squared error over samples"
    }
  }

  /// In a sentence about the metric with this title.
  func phrase(_ title: String) -> String {
    switch self {
    case .mean: "mean of the samples' \(title) (\(id))"
    case .ofMeanSquaredError: "\(title) of the mean squared error over samples (\(id))"
    }
  }

  /// The printed name of an aggregation that was read from a result.
  public static func title(_ id: String) -> String {
    let all: [MetricAggregation] = [.mean, .ofMeanSquaredError { $0 }]
    return all.first { $0.id == id }?.title ?? id.replacing("_", with: " ")
  }
}
