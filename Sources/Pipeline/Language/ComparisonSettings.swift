/// How `pipeline compare` reads an ablation: `compare: { baseline: none, metrics: [l1, psnr], aggregate: mean_std }`.
public struct ComparisonSettings: Hashable, Sendable {
  /// How several runs of the same variant (seeds) become one figure.
  public enum Aggregate: String, ParameterChoice { case mean, meanStd = "mean_std", median }

  /// The variant (or other label value) that differences are taken to.
  public var baseline: String?
  /// Metric names; empty for all that the tables hold.
  public var metrics: [String]
  public var aggregate: Aggregate
  /// The stage and port that hold the tables, such as `cross.table`; nil to look for the only port of its kind.
  public var table: String?

  public init(
    baseline: String? = nil, metrics: [String] = [], aggregate: Aggregate = .meanStd, table: String? = nil
  ) {
    self.baseline = baseline
    self.metrics = metrics
    self.aggregate = aggregate
    self.table = table
  }
}
