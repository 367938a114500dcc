import Basics
import Foundation
import Imaging
import Pipeline

/// Scores of every sample by every method on every test set, and what follows from them.
struct ScoreTable {
  struct Row {
    var sample: String
    var method: String
    var test: String
    var scores: [String: Double]
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
  /// - Parameter units: of l1 and rmse, see `ScoringProtocol.unitsPerRange`.
  /// - Parameter resamples: of the bootstrap behind the 95 % intervals; 0 leaves them out.
  func cells(
    methods: [String], tests: [String], metrics: [MetricRecord], units: Double, resamples: Int, seed: UInt64
  ) -> [CellRecord] {
    var cells: [CellRecord] = []
    for method in methods {
      for test in tests {
        let rows = rows(method: method, test: test)
        guard !rows.isEmpty else { continue }
        for metric in metrics {
          let values = rows.compactMap { $0.scores[metric.id] }
          for aggregation in metric.aggregations {
            var cell = CellRecord(method: method, test: test, metric: metric.id, aggregation: aggregation, value: .nan)
            if aggregation == "mse" {
              let suffix = metric.id.hasSuffix("_full") ? "_full" : ""
              let mse = Statistics.mean(rows.compactMap { $0.scores["mse" + suffix] })
              cell.value = metric.id.hasPrefix("psnr") ? PSNR.decibels(mse: mse, peak: 1) : mse.squareRoot() * units
            } else {
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
        guard let value = row.scores[metric.id] else { continue }
        lines.append([row.sample, row.method, row.test, metric.id, "\(value)"])
      }
    }
    return Stages.csv(lines)
  }

  /// The samples that did best, in the middle and worst by a metric; fewer when there are fewer samples.
  func ranked(method: String, test: String, metric: MetricRecord) -> [(rank: String, sample: String, value: Double)] {
    let sorted = rows(method: method, test: test).compactMap { row in row.scores[metric.id].map { (row.sample, $0) } }
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

extension EvaluationResult {
  /// Long form: `train,test,metric,aggregation,value,sd,low,high`; interpolations stand in the column `train` by their name.
  var longCSV: String {
    var lines = [["train", "test", "metric", "aggregation", "value", "sd", "low", "high", "method", "protocol"]]
    let trained = Dictionary(methods.map { ($0.id, $0.trainedOn ?? $0.id) }, uniquingKeysWith: { first, _ in first })
    for cell in cells {
      lines.append([
        trained[cell.method] ?? cell.method, cell.test, cell.metric, cell.aggregation, "\(cell.value)",
        cell.deviation.map { "\($0)" } ?? "", cell.low.map { "\($0)" } ?? "", cell.high.map { "\($0)" } ?? "",
        cell.method,
        self.protocol.name,
      ])
    }
    return csv(lines)
  }

  /// A table for people: one metric, methods down, test sets across.
  func text(metric: String, aggregation: String) -> String {
    guard let shown = metrics.first(where: { $0.id == metric }) else { return "" }
    let names = methods.map { $0.trainedOn == nil ? $0.name : "trained on \($0.name)" }
    let first = max(names.map(\.count).max() ?? 0, 4)
    let widths = tests.map { max($0.name.count, 8) }
    func pad(_ text: String, _ width: Int, left: Bool = false) -> String {
      let space = String(repeating: " ", count: max(0, width - text.count))
      return left ? text + space : space + text
    }
    let unit = shown.unit.map { " [\($0)]" } ?? ""
    var text = "\(shown.title)\(unit), aggregation \(aggregation) (rows: method, columns: test set)\n"
    text += pad("", first) + zip(tests, widths).map { "  " + pad($0.name, $1) }.joined() + "\n"
    for (method, name) in zip(methods, names) {
      text += pad(name, first, left: true)
      for (test, width) in zip(tests, widths) {
        let number = value(method.id, on: test.id, metric, aggregation).map { fixed($0, shown.decimals) } ?? "-"
        text += " " + pad(number + (method.trainedOn == test.id ? "*" : " "), width + 1)
      }
      text += "\n"
    }
    return text
  }

  /// What a person reads at the end of a run.
  /// - Parameter headline: the tables shown, each a metric and its aggregation.
  func summary(headline: [String]) -> String {
    var text = headline.map { line in
      let words = line.split(separator: " ").map(String.init)
      return self.text(metric: words[0], aggregation: words.count > 1 ? words[1] : "mean")
    }.joined(separator: "\n")
    if methods.contains(where: { $0.trainedOn != nil }) { text += "* its own degradation\n" }
    let own = methods.compactMap { method -> String? in
      guard let test = method.trainedOn, let value = value(method.id, on: test, "psnr", "mse"),
        let base = self.value("bicubic", on: test, "psnr", "mse")
      else { return nil }
      return "\(Labels.title(ofTest: test)) \(value >= base ? "+" : "")\(fixed(value - base, 2)) dB"
    }
    if !own.isEmpty { text += "Gain over bicubic on its own degradation: \(own.joined(separator: ", "))\n" }
    let counts = Set(tests.map(\.samples)).sorted().map(String.init).joined(separator: " or ")
    return text + "\(counts) samples a test set. Protocol: \(self.protocol.summary)\n"
  }
}
