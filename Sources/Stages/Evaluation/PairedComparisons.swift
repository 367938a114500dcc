import Imaging
import Reporting

/// A method against the baseline on the same samples of one test set by one metric.
public struct ComparisonRecord: Codable, Hashable, Sendable {
  /// A method, or a group of seeds whose scores were averaged sample by sample.
  public var method: String
  public var baseline: String
  public var test: String
  public var metric: String
  /// Samples that both scored.
  public var pairs: Int
  /// Mean over samples of the method's score minus the baseline's.
  public var difference: Double
  /// Bounds of the 95 % bootstrap interval of the difference; nil where none was drawn.
  public var low: Double?
  public var high: Double?
  /// Wilcoxon's signed-rank test, two-sided.
  public var p: Double
  /// `p` after Holm's correction for all comparisons by this metric in this evaluation.
  public var pHolm: Double

  public init(
    method: String, baseline: String, test: String, metric: String, pairs: Int, difference: Double, low: Double? = nil,
    high: Double? = nil, p: Double, pHolm: Double
  ) {
    self.method = method
    self.baseline = baseline
    self.test = test
    self.metric = metric
    self.pairs = pairs
    self.difference = difference
    self.low = low
    self.high = high
    self.p = p
    self.pHolm = pHolm
  }
}

/// Paired tests of every method (seeds averaged) against one.
struct PairedComparisons {
  let baseline: String
  let result: EvaluationResult
  let resamples: Int
  /// Scores by sample of a method or group on a test set by a metric.
  let values: (_ method: String, _ test: String, _ metric: String) -> [String: Double]

  var records: [ComparisonRecord] {
    let groups = result.seedGroups ?? []
    var ids: [String] = []
    for method in result.methods {
      let id = method.group.flatMap { id in groups.contains { $0.id == id } ? id : nil } ?? method.id
      // A single seed may be the baseline; its group is then compared with it all the same.
      if !ids.contains(id), id != baseline { ids.append(id) }
    }
    return result.metrics.flatMap { metric -> [ComparisonRecord] in
      var found = ids.flatMap { id in result.tests.compactMap { compare(id, on: $0.id, metric.id) } }
      let corrected = Statistics.holm(found.map(\.p))
      for index in found.indices { found[index].pHolm = corrected[index] }
      return found
    }
  }

  private func compare(_ id: String, on test: String, _ metric: String) -> ComparisonRecord? {
    let own = values(id, test, metric)
    let other = values(baseline, test, metric)
    let samples = own.keys.filter { other[$0]?.isFinite == true && own[$0]?.isFinite == true }.sorted()
    let a = samples.compactMap { own[$0] }
    let b = samples.compactMap { other[$0] }
    guard let outcome = Statistics.wilcoxon(a, b) else { return nil }
    let interval =
      resamples > 0 ? Statistics.bootstrapInterval(zip(a, b).map { $0 - $1 }, resamples: resamples, seed: 0) : nil
    return ComparisonRecord(
      method: id, baseline: baseline, test: test, metric: metric, pairs: samples.count,
      difference: outcome.meanDifference, low: interval?.low, high: interval?.high, p: outcome.pValue,
      pHolm: outcome.pValue)
  }
}

extension EvaluationResult {
  /// A method's or a group's printed name.
  func name(of id: String) -> String {
    methods.first { $0.id == id }?.name ?? seedGroups?.first { $0.id == id }?.name ?? id
  }

  /// `method,test,metric,n,mean,sd,low95,high95,difference_to_<baseline>,difference_low95,difference_high95,p_wilcoxon,p_holm`;
  /// the first columns for single methods and for groups of seeds (sd over samples, or over seeds).
  var statisticsCSV: String {
    let baseline = comparisons?.first?.baseline ?? "baseline"
    var lines = [
      [
        "method", "test", "metric", "n", "mean", "sd", "low95", "high95", "difference_to_\(baseline)",
        "difference_low95", "difference_high95", "p_wilcoxon", "p_holm",
      ]
    ]
    func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    for cell in cells + (seedCells ?? []) where cell.aggregation == "mean" {
      let compared = comparisons?.first {
        $0.method == cell.method && $0.test == cell.test && $0.metric == cell.metric
      }
      let samples = tests.first { $0.id == cell.test }?.samples ?? 0
      lines.append([
        cell.method, cell.test, cell.metric, "\(samples)", text(cell.value), text(cell.deviation), text(cell.low),
        text(cell.high), text(compared?.difference), text(compared?.low), text(compared?.high), text(compared?.p),
        text(compared?.pHolm),
      ])
    }
    return CSV.encode(lines, .result)
  }

  /// One line about the paired tests by the first metric; nil without any.
  var comparisonText: String? {
    guard let metric = metrics.first, let baseline = comparisons?.first?.baseline else { return nil }
    let all = (comparisons ?? []).filter { $0.metric == metric.id }
    guard !all.isEmpty else { return nil }
    let clear = all.filter { $0.pHolm < 0.05 }
    let better = clear.count { metric.higherIsBetter == ($0.difference > 0) }
    return "Paired tests against \(name(of: baseline)) by \(metric.title) (Wilcoxon, Holm, 5 %): \(better) better, "
      + "\(clear.count - better) worse, \(all.count - clear.count) undecided of \(all.count)."
  }
}
