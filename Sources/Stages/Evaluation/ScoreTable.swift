import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Scores of every sample by every method on every test set, and what follows from them.
struct ScoreTable {
  struct Row {
    var sample: String
    var method: String
    var test: String
    var figures: SampleFigures
  }

  private(set) var rows: [Row] = []
  /// Row numbers by method and test.
  private var index: [String: [Int]] = [:]

  mutating func add(_ row: Row) {
    index["\(row.method)\u{0}\(row.test)", default: []].append(rows.count)
    rows.append(row)
  }

  func rows(method: String, test: String) -> [Row] { (index["\(method)\u{0}\(test)"] ?? []).map { rows[$0] } }

  /// Every cell under every aggregation of the metrics.
  /// - Parameter units: `ScoringProtocol.unitsPerRange`.
  /// - Parameter resamples: of the bootstrap behind the 95 % intervals; 0 leaves them out.
  func cells(
    methods: [String], tests: [String], metrics: [MeasuredMetric], units: Double, resamples: Int, seed: UInt64
  ) -> [CellRecord] {
    var cells: [CellRecord] = []
    for method in methods {
      for test in tests {
        let rows = rows(method: method, test: test)
        guard !rows.isEmpty else { continue }
        for metric in metrics {
          let values = rows.compactMap { $0.figures.values[metric.id] }
          for aggregation in metric.metric.aggregations {
            var cell = CellRecord(
              method: method, test: test, metric: metric.id, aggregation: aggregation.id, value: .nan)
            switch aggregation {
            case .ofMeanSquaredError(let figure):
              let mse = Statistics.mean(rows.compactMap { $0.figures.squaredErrors[metric.region] })
              cell.value = metric.pooled(mse, units: units, figure)
            case .mean:
              cell.value = Statistics.mean(values)
              cell.deviation = values.count > 1 ? Statistics.standardDeviation(values) : nil
              if resamples > 0, values.count > 1 {
                let interval = Statistics.bootstrapInterval(values, resamples: resamples, seed: seed)
                cell.low = interval?.low
                cell.high = interval?.high
              }
            }
            cells.append(cell)
          }
        }
      }
    }
    return cells
  }

  /// `sample,method,test,metric,value`, full precision.
  func csv(metrics: [MetricRecord]) -> String {
    var lines = [["sample", "method", "test", "metric", "value"]]
    for row in rows {
      for metric in metrics {
        guard let value = row.figures.values[metric.id] else { continue }
        lines.append([row.sample, row.method, row.test, metric.id, "\(value)"])
      }
    }
    return CSV.encode(lines, .result)
  }

  /// The samples that did best, in the middle and worst by a metric; fewer when there are fewer samples.
  func ranked(method: String, test: String, metric: MetricRecord) -> [(rank: String, sample: String, value: Double)] {
    let sorted = rows(method: method, test: test).compactMap { row in
      row.figures.values[metric.id].map { (row.sample, $0) }
    }
    .sorted { a, b in
      if a.1 != b.1 { return metric.higherIsBetter ? a.1 > b.1 : a.1 < b.1 }
      return naturallyPrecedes(a.0, b.0)
    }
    guard let best = sorted.first, let worst = sorted.last else { return [] }
    var result = [("best", best.0, best.1)]
    if sorted.count > 2 { result.append(("median", sorted[sorted.count / 2].0, sorted[sorted.count / 2].1)) }
    if sorted.count > 1 { result.append(("worst", worst.0, worst.1)) }
    return result
  }
}
