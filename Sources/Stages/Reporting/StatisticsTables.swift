import Reporting

/// How sure the numbers are: intervals, seeds, paired tests.
extension EvaluationFigures {
  /// Means with their 95 % bootstrap intervals over samples; nil where no interval was drawn.
  var intervalTable: Table? {
    let metrics = mainMetrics.filter { $0.aggregations.contains("mean") }
    guard result.cells.contains(where: { $0.low != nil }) else { return nil }
    return Table(
      caption: "Means over samples with 95 % bootstrap intervals.",
      columns: [.init("Method")]
        + metrics.map {
          .init(
            $0.aggregations.count > 1 ? "\($0.title), per sample" : $0.title, unit: $0.unit, decimals: $0.decimals,
            best: $0.higherIsBetter ? .highest : .lowest)
        },
      sections: result.tests.map { test in
        .init(
          title: sectionTitle(test),
          rows: result.methods.filter { $0.trainedOn == nil || $0.trainedOn == test.id }.map { method in
            [.text(shortName(method))]
              + metrics.map { metric -> Table.Cell in
                guard let cell = result.cell(method.id, on: test.id, metric.id, "mean") else { return .missing }
                guard let low = cell.low, let high = cell.high else { return .number(cell.value) }
                return .interval(cell.value, low: low, high: high)
              }
          })
      }, sectionTitle: "Test set", notes: [protocolNote])
  }

  /// Mean and standard deviation over seeds; nil unless methods differ in their seed alone.
  var seedTable: Table? {
    guard let groups = result.seedGroups, let cells = result.seedCells else { return nil }
    let columns = mainMetrics.flatMap { metric in metric.aggregations.map { (metric, $0) } }
    return Table(
      caption: "Mean ± standard deviation over the seeds of one method.",
      columns: [.init("Method"), .init("Seeds")]
        + columns.map { metric, aggregation in
          .init(
            metric.aggregations.count > 1 ? MetricAggregation.title(aggregation) : metric.title, unit: metric.unit,
            group: metric.aggregations.count > 1 ? metric.title : nil, decimals: metric.decimals,
            best: metric.higherIsBetter ? .highest : .lowest)
        },
      sections: result.tests.map { test in
        .init(
          title: sectionTitle(test),
          rows: groups.map { group in
            [.text(group.name), .integer(group.seeds.count)]
              + columns.map { metric, aggregation -> Table.Cell in
                let cell = cells.first {
                  $0.method == group.id && $0.test == test.id && $0.metric == metric.id && $0.aggregation == aggregation
                }
                return cell.map { .deviation($0.value, $0.deviation ?? 0) } ?? .missing
              }
          })
      }, sectionTitle: "Test set", notes: [protocolNote])
  }

  /// Paired tests against the baseline by the metrics that ask for it: of each method on its own degradation, of methods without
  /// one everywhere.
  var comparisonTable: Table? {
    guard let records = result.comparisons, let baseline = records.first?.baseline else { return nil }
    let metrics = mainMetrics.filter { $0 == mainMetric || $0.isShown(in: .pairedTests) }
    guard !metrics.isEmpty else { return nil }
    var columns: [Table.Column] = [.init("Method"), .init("Pairs")]
    for metric in metrics {
      columns.append(
        .init("difference", unit: metric.unit, group: metric.title, decimals: metric.decimals, signed: true))
      columns.append(.init("p (Holm)", group: metric.title, decimals: 4))
    }
    func home(_ id: String) -> String? {
      let first = result.seedGroups?.first { $0.id == id }?.methods.first ?? id
      return result.methods.first { $0.id == first }?.trainedOn
    }
    let sections = result.tests.compactMap { test -> Table.Section? in
      var ids: [String] = []
      for record in records where record.test == test.id && !ids.contains(record.method) {
        if home(record.method).map({ $0 == test.id }) ?? true { ids.append(record.method) }
      }
      guard !ids.isEmpty else { return nil }
      return .init(
        title: sectionTitle(test),
        rows: ids.map { id in
          let own = records.filter { $0.method == id && $0.test == test.id }
          let name = result.methods.first { $0.id == id }.map(shortName) ?? result.name(of: id)
          return [.text(name), own.first.map { .integer($0.pairs) } ?? .missing]
            + metrics.flatMap { metric -> [Table.Cell] in
              guard let record = own.first(where: { $0.metric == metric.id }) else { return [.missing, .missing] }
              let difference: Table.Cell =
                if let low = record.low, let high = record.high {
                  .interval(record.difference, low: low, high: high)
                } else {
                  .number(record.difference)
                }
              return [difference, .number(record.pHolm)]
            }
        })
    }
    guard !sections.isEmpty else { return nil }
    return Table(
      caption: "Difference to \(result.name(of: baseline)), sample by sample.", columns: columns, sections: sections,
      sectionTitle: "Test set",
      notes: [
        "Mean of the samples' differences with its 95 % bootstrap interval; p of Wilcoxon's signed-rank test, two-sided, "
          + "after Holm's correction over all comparisons by the metric. \(protocolNote)"
      ])
  }
}
