import Imaging
import Reporting

/// Whether metrics put methods in one order, and what the same maps score under several protocols.
struct MetricAgreement {
  let evaluations: [Evaluation]

  /// One evaluation's metrics against the metric that ranks, by Kendall's tau over its methods; nil with fewer than three
  /// methods or without mesh metrics, where there is no question.
  static func table(_ figures: EvaluationFigures) -> Table? {
    let result = figures.result
    guard let main = figures.mainMetric, result.methods.count > 2,
      result.metrics.contains(where: \.isOfPointClouds)
    else { return nil }
    let others = result.metrics.filter { $0 != main && !$0.isOverWholeView }
    let aggregation = main.aggregations[0]
    return Table(
      caption: "Order of the methods by each metric against their order by \(main.title).",
      columns: [
        .init("Metric"), .init("Kendall's τ", decimals: 2), .init("Spearman's ρ", decimals: 2), .init("Best method"),
      ],
      sections: result.tests.map { test in
        .init(
          title: figures.sectionTitle(test),
          rows: others.map { metric in
            let pairs = orders(result, test.id, (main, aggregation), (metric, metric.aggregations[0]))
            return [
              .text(metric.title), Statistics.kendall(pairs.a, pairs.b).map { .number($0) } ?? .missing,
              Statistics.spearman(pairs.a, pairs.b).map { .number($0) } ?? .missing,
              .text(best(result, test.id, metric).map(figures.networkName) ?? "–"),
            ]
          })
      }, sectionTitle: "Test set",
      notes: [
        "1: the same order; 0: unrelated; -1: the opposite. Over \(result.methods.count) methods. \(figures.protocolNote)"
      ])
  }

  /// Values of both metrics for the methods that have them, counted so that more is better.
  private static func orders(
    _ result: EvaluationResult, _ test: String, _ first: (metric: MetricRecord, aggregation: String),
    _ second: (metric: MetricRecord, aggregation: String)
  ) -> (a: [Double], b: [Double]) {
    func value(_ id: String, _ side: (metric: MetricRecord, aggregation: String)) -> Double? {
      result.value(id, on: test, side.metric.id, side.aggregation).map { side.metric.higherIsBetter ? $0 : -$0 }
    }
    let pairs = result.methods.compactMap { method in
      value(method.id, first).flatMap { a in value(method.id, second).map { (a, $0) } }
    }
    return (pairs.map(\.0), pairs.map(\.1))
  }

  private static func best(_ result: EvaluationResult, _ test: String, _ metric: MetricRecord) -> MethodRecord? {
    let found = result.methods.compactMap { method in
      result.value(method.id, on: test, metric.id, metric.aggregations[0]).map { (method, $0) }
    }
    return (metric.higherIsBetter ? found.max { $0.1 < $1.1 } : found.min { $0.1 < $1.1 })?.0
  }

  // MARK: - Protocols side by side

  /// Evaluations of the same methods on the same test sets that differ in their mesh protocol alone; empty unless there are
  /// at least two.
  private var sameWork: [Evaluation] {
    guard let first = evaluations.first?.result else { return [] }
    let methods = first.methods.map(\.id)
    let tests = first.tests.map(\.digest)
    let found = evaluations.filter {
      $0.result.methods.map(\.id) == methods && $0.result.tests.map(\.digest) == tests
        && !meshMetrics($0.result).isEmpty
    }
    return found.count > 1 && Set(found.map(\.result.protocol)).count == found.count ? found : []
  }

  private func meshMetrics(_ result: EvaluationResult) -> [MetricRecord] {
    result.metrics.filter { $0.isShown(in: .meshProtocols) }
  }

  /// The part of a protocol's name that tells it from the others, such as `mesh A`.
  private func shortName(_ result: EvaluationResult) -> String {
    let mesh = result.protocol.name.split(separator: ",").map { $0.trimmingPrefix(" ") }.last { $0.hasPrefix("mesh") }
    return mesh.map(String.init) ?? result.protocol.name
  }

  /// Every method under every protocol. A column has one protocol, named in its head; columns are not to be compared.
  func sideBySide(_ names: EvaluationFigures) -> [Table] {
    let all = sameWork
    guard let first = all.first?.result else { return [] }
    return meshMetrics(first).filter { metric in all.allSatisfy { $0.result.metrics.contains { $0.id == metric.id } } }
      .map { metric in
        Table(
          caption: "\(metric.title) of the same maps under \(all.count) protocols. Compare inside a column only.",
          columns: [.init("Method")]
            + all.map {
              .init(shortName($0.result), decimals: metric.decimals, best: metric.higherIsBetter ? .highest : .lowest)
            },
          sections: first.tests.map { test in
            .init(
              title: names.sectionTitle(test),
              rows: first.methods.map { method in
                [.text(names.networkName(method))]
                  + all.map { evaluation in
                    evaluation.result.value(method.id, on: test.id, metric.id, metric.aggregations[0]).map {
                      .number($0)
                    }
                      ?? .missing
                  }
              })
          }, sectionTitle: "Test set",
          notes: all.map {
            "\(shortName($0.result)): \($0.result.protocol.fields.first { $0.name == "mesh" }?.value ?? "")."
          })
      }
  }

  /// The findings of the protocols side by side, in sentences computed from them.
  var sentences: [String] {
    let all = sameWork
    guard let first = all.first?.result, let test = first.tests.first else { return [] }
    let scores = first.metrics.filter(\.isFScore)
    var sentences: [String] = []
    /// The range of one F-score over methods, or of one method over protocols and thresholds.
    func range(_ values: [Double]) -> Double { (values.max() ?? 0) - (values.min() ?? 0) }
    func value(_ evaluation: Evaluation, _ method: MethodRecord, _ metric: MetricRecord) -> Double? {
      evaluation.result.value(method.id, on: test.id, metric.id, "mean")
    }
    if let plain = first.methods.first(where: { $0.id == "bicubic" }) ?? first.methods.first, scores.count > 1 {
      let own = all.flatMap { evaluation in scores.compactMap { value(evaluation, plain, $0) } }
      if let least = own.min(), let most = own.max() {
        sentences.append(
          "\(plain.name) alone, on \(test.name), scores F from \(Numbers.fixed(least, 3)) to \(Numbers.fixed(most, 3)) "
            + "depending on nothing but protocol and threshold.")
      }
      let columns = all.flatMap { evaluation in
        scores.map { metric in (evaluation, metric, range(first.methods.compactMap { value(evaluation, $0, metric) })) }
      }
      if let widest = columns.max(by: { $0.2 < $1.2 }) {
        sentences.append(
          "Inside one column of one table, all \(first.methods.count) methods differ by at most "
            + "\(Numbers.fixed(widest.2, 3)) (\(shortName(widest.0.result)), \(widest.1.title)).")
      }
      let drops = all.compactMap { evaluation -> (name: String, drop: Double)? in
        let values = scores.compactMap { value(evaluation, plain, $0) }
        return values.count == scores.count ? (shortName(evaluation.result), range(values)) : nil
      }
      if let steepest = drops.max(by: { $0.drop < $1.drop }) {
        sentences.append(
          "From the loosest to the tightest threshold \(plain.name) loses \(Numbers.fixed(steepest.drop, 3)) under "
            + "\(steepest.name): a gap of that kind between two methods says which threshold was used unless both were "
            + "scored under one protocol.")
      }
    }
    for evaluation in all {
      let figures = EvaluationFigures(evaluation)
      guard let main = figures.mainMetric else { continue }
      let taus = meshMetrics(evaluation.result).compactMap { metric -> String? in
        let pairs = Self.orders(
          evaluation.result, test.id, (main, main.aggregations[0]), (metric, metric.aggregations[0]))
        return Statistics.kendall(pairs.a, pairs.b).map { "\(metric.title) \(Numbers.fixed($0, 2))" }
      }
      if !taus.isEmpty {
        sentences.append(
          "Under \(shortName(evaluation.result)), Kendall's τ of the methods' order with that by \(main.title) on "
            + "\(test.name): \(taus.joined(separator: ", ")).")
      }
    }
    return sentences
  }
}
