import Reporting

/// The findings of an evaluation in sentences, each computed from its numbers.
struct EvaluationFindings {
  var facts: [ReportDocument.Fact] = []
  var sentences: [String] = []
  var warnings: [String] = []

  private let figures: EvaluationFigures
  private var result: EvaluationResult { figures.evaluation.result }

  init(_ figures: EvaluationFigures) {
    self.figures = figures
    guard let metric = figures.mainMetric else {
      warnings.append("nothing was measured.")
      return
    }
    addGains(metric)
    addLosses(metric)
    addSamples(metric)
    addTests(metric)
    addDisagreement(metric)
    addAggregations(metric)
  }

  private func text(_ value: Double, _ metric: MetricRecord, signed: Bool = false) -> String {
    Numbers.display(value, metric.decimals, signed: signed) + (metric.unit.map { " " + $0 } ?? "")
  }

  private func value(_ method: MethodRecord, _ test: TestSetRecord, _ metric: MetricRecord) -> Double? {
    result.value(method.id, on: test.id, metric.id, metric.aggregations[0])
  }

  /// The best network, and what each gains over the best method without training (counted so that more is better).
  private mutating func addGains(_ metric: MetricRecord) {
    let reached = figures.matched.compactMap { pair in
      value(pair.method, pair.test, metric).map { (method: pair.method, test: pair.test, value: $0) }
    }
    let best = metric.higherIsBetter ? reached.max { $0.value < $1.value } : reached.min { $0.value < $1.value }
    if let best {
      facts.append(
        .init(
          text(best.value, metric), "best \(metric.title) on its own degradation: \(figures.networkName(best.method))"))
    }
    let gains = reached.compactMap { entry -> (method: MethodRecord, test: TestSetRecord, gain: Double)? in
      guard let reference = figures.baseline(on: entry.test.id, metric), entry.value.isFinite, reference.value.isFinite
      else { return nil }
      let gain = metric.higherIsBetter ? entry.value - reference.value : reference.value - entry.value
      return (entry.method, entry.test, gain)
    }
    guard let least = gains.min(by: { $0.gain < $1.gain }), let most = gains.max(by: { $0.gain < $1.gain }) else {
      return
    }
    let mean = gains.map(\.gain).reduce(0, +) / Double(gains.count)
    facts.append(.init(text(mean, metric, signed: true), "mean gain over the best method without training"))
    let losers = gains.filter { $0.gain <= 0 }
    for loser in losers {
      warnings.append(
        "\(figures.networkName(loser.method)) does not beat interpolation on \(loser.test.name) "
          + "(\(text(loser.gain, metric, signed: true)) \(metric.title)): training was too short or went wrong.")
    }
    guard losers.isEmpty else { return }
    sentences.append(
      gains.count == 1
        ? "\(figures.networkName(least.method)) beats the best method without training by \(text(least.gain, metric)) \(metric.title)."
        : "Every network beats the best method without training on its own degradation: by \(text(least.gain, metric)) "
          + "(\(least.test.name)) to \(text(most.gain, metric)) (\(most.test.name)) \(metric.title).")
  }

  /// The price of a wrong degradation, and the safest training.
  private mutating func addLosses(_ metric: MetricRecord) {
    guard figures.isCross else { return }
    var drops: [(method: MethodRecord, test: TestSetRecord, drop: Double)] = []
    var worst: [(method: MethodRecord, value: Double)] = []
    for method in figures.trained {
      let values = result.tests.compactMap { test in value(method, test, metric).map { (test: test, value: $0) } }
      let low = metric.higherIsBetter ? values.map(\.value).min() : values.map(\.value).max()
      if let low, values.count == result.tests.count { worst.append((method, low)) }
      for (test, value) in values where test.id != method.trainedOn {
        guard let home = figures.home(of: test, like: method), let reference = self.value(home, test, metric),
          reference.isFinite, value.isFinite
        else { continue }
        drops.append((method, test, metric.higherIsBetter ? reference - value : value - reference))
      }
    }
    if let largest = drops.max(by: { $0.drop < $1.drop }), largest.drop > 0 {
      facts.append(
        .init(text(-largest.drop, metric, signed: true), "largest loss from training on another degradation"))
      sentences.append(
        "The largest loss from a wrong degradation: trained on \(figures.rowName(largest.method)), tested on "
          + "\(largest.test.name), \(text(largest.drop, metric)) worse than matched training.")
    }
    let safest = metric.higherIsBetter ? worst.max { $0.value < $1.value } : worst.min { $0.value < $1.value }
    if let safest, worst.count > 1 {
      sentences.append(
        "Training on \(figures.rowName(safest.method)) is the safest choice when the degradation is unknown: its worst "
          + "test set still gives \(text(safest.value, metric)).")
    }
  }

  /// In how many cases a network beats the best method without training sample by sample.
  private mutating func addSamples(_ metric: MetricRecord) {
    var better = 0
    var total = 0
    for (method, test) in figures.matched {
      guard let reference = figures.baseline(on: test.id, metric) else { continue }
      let base = Dictionary(
        figures.scores(reference.method.id, on: test.id, metric.id).map { ($0.sample, $0.value) },
        uniquingKeysWith: { first, _ in first })
      for score in figures.scores(method.id, on: test.id, metric.id) {
        guard let other = base[score.sample] else { continue }
        total += 1
        if metric.higherIsBetter ? score.value > other : score.value < other { better += 1 }
      }
    }
    if total > 0 {
      sentences.append("Sample by sample, networks improve on interpolation in \(better) of \(total) cases.")
    }
    let samples = result.tests.map(\.samples).max() ?? 0
    facts.append(
      .init(
        "\(result.methods.count) × \(result.tests.count)",
        "methods × test sets, \(Numbers.grouped(samples)) \(samples == 1 ? "sample" : "samples") each"))
    if samples > 0, samples < 10 {
      warnings.append(
        "only \(samples) test \(samples == 1 ? "sample" : "samples"): differences of a few tenths are within chance.")
    }
  }

  /// The outcome of the paired tests against the baseline.
  private mutating func addTests(_ metric: MetricRecord) {
    guard let records = result.comparisons?.filter({ $0.metric == metric.id }), let baseline = records.first?.baseline
    else { return }
    let own = records.filter { record in
      let first = result.seedGroups?.first { $0.id == record.method }?.methods.first ?? record.method
      guard let method = result.methods.first(where: { $0.id == first }) else { return false }
      return method.trainedOn == record.test || (method.trainedOn == nil && method.model != nil)
    }
    guard !own.isEmpty else { return }
    let clear = own.filter { $0.pHolm < 0.05 && metric.higherIsBetter == ($0.difference > 0) }
    sentences.append(
      "Against \(result.name(of: baseline)), networks are better beyond chance in \(clear.count) of \(own.count) "
        + "cases (paired Wilcoxon test, Holm's correction, 5 %).")
    // The smallest p that so many pairs can give, after Holm's correction.
    let least = own.map(\.pairs).min() ?? 0
    let floor = Double(records.count) * 2 / Double(1 << min(least, 50))
    if clear.count < own.count, least > 0, floor >= 0.05 {
      warnings.append(
        "\(least) \(least == 1 ? "sample" : "samples") cannot show more: a paired test of so few reaches "
          + "p = \(Numbers.short(min(1, floor), digits: 2)) at best after correction for \(records.count) comparisons.")
    }
  }

  /// Metrics by which networks fall behind interpolation, whatever the main metric says.
  private mutating func addDisagreement(_ main: MetricRecord) {
    var titles: [String] = []
    var looksOutside = false
    var example: String?
    for metric in result.metrics where metric != main {
      for (method, test) in figures.matched {
        guard let reference = figures.baseline(on: test.id, metric), let value = value(method, test, metric),
          metric.higherIsBetter ? value < reference.value : value > reference.value
        else { continue }
        if !titles.contains(metric.title) { titles.append(metric.title) }
        looksOutside = looksOutside || metric.seesOutsideRegion
        if example == nil {
          example =
            "\(metric.title) of \(figures.networkName(method)) is \(text(value, metric)), of "
            + "\(reference.method.name) \(text(reference.value, metric))"
        }
      }
    }
    guard let example else { return }
    let isKept = result.protocol.fields.contains { $0.name == "outside the mask" && $0.value == "as predicted" }
    let hint =
      looksOutside && isKept
      ? " SSIM and full-view figures also see what a network writes outside the mask; `outside: truth` in the protocol "
        + "leaves that out." : ""
    warnings.append(
      "not every metric agrees. By \(titles.joined(separator: ", ")), networks fall behind interpolation even on their own "
        + "degradation: \(example).\(hint)")
  }

  private mutating func addAggregations(_ metric: MetricRecord) {
    guard metric.aggregations.count > 1 else { return }
    let gaps = result.methods.flatMap { method in
      result.tests.compactMap { test -> Double? in
        guard let a = result.value(method.id, on: test.id, metric.id, metric.aggregations[0]),
          let b = result.value(method.id, on: test.id, metric.id, metric.aggregations[1]), a.isFinite, b.isFinite
        else { return nil }
        return abs(a - b)
      }
    }
    guard let gap = gaps.max() else { return }
    let names = metric.aggregations.prefix(2).map(MetricAggregation.title).joined(separator: "; ")
    sentences.append(
      "The two ways to average \(metric.title) (\(names)) differ by up to \(text(gap, metric)): compare like with like."
    )
  }
}
