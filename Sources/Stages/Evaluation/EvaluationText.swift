import Basics
import Foundation
import Pipeline
import Reporting

extension EvaluationResult {
  /// Tells protocols apart that share a name: the digest of the whole declaration, shortened.
  var protocolID: String {
    let fields = self.protocol.fields.map { JSON.array([.string($0.name), .string($0.value)]) }
    return String(Digest.of(.array(fields)).hex.prefix(8))
  }

  /// Long form: `train,test,metric,aggregation,value,sd,low,high,method,group,seed,protocol,protocol_id`; interpolations are in
  /// the column `train` by their name. `group` is the method without its seed.
  var longCSV: String {
    var lines = [
      [
        "train", "test", "metric", "aggregation", "value", "sd", "low", "high", "method", "group", "seed", "protocol",
        "protocol_id",
      ]
    ]
    let records = Dictionary(methods.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let trained = Dictionary(methods.map { ($0.id, $0.trainedOn ?? $0.id) }, uniquingKeysWith: { first, _ in first })
    for cell in cells {
      lines.append([
        trained[cell.method] ?? cell.method, cell.test, cell.metric, cell.aggregation, "\(cell.value)",
        cell.deviation.map { "\($0)" } ?? "", cell.low.map { "\($0)" } ?? "", cell.high.map { "\($0)" } ?? "",
        cell.method, records[cell.method]?.group ?? cell.method, records[cell.method]?.seed.map { "\($0)" } ?? "",
        self.protocol.name, protocolID,
      ])
    }
    return CSV.encode(lines, .result)
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
        let number = value(method.id, on: test.id, metric, aggregation).map { Numbers.plain($0, shown.decimals) } ?? "-"
        text += " " + pad(number + (method.trainedOn == test.id ? "*" : " "), width + 1)
      }
      text += "\n"
    }
    return text
  }

  /// The text that a person reads at the end of a run.
  /// - Parameter headline: the tables shown, each a metric and its aggregation.
  func summary(headline: [String]) -> String {
    var text = headline.map { line in
      let words = line.split(separator: " ").map(String.init)
      return self.text(metric: words[0], aggregation: words.count > 1 ? words[1] : "mean")
    }.joined(separator: "\n")
    if methods.contains(where: { $0.trainedOn != nil }) { text += "* its own degradation\n" }
    let own = methods.compactMap { method -> String? in
      guard let main = metrics.first, let aggregation = main.aggregations.first, let test = method.trainedOn,
        let value = value(method.id, on: test, main.id, aggregation),
        let base = self.value(Interpolation.bicubic.rawValue, on: test, main.id, aggregation)
      else { return nil }
      let unit = main.unit.map { " " + $0 } ?? ""
      return
        "\(Labels.title(ofTest: test)) \(value >= base ? "+" : "")\(Numbers.plain(value - base, main.decimals))\(unit)"
    }
    text += seedsText(headline: headline)
    if let line = comparisonText { text += line + "\n" }
    if !own.isEmpty { text += "Gain over bicubic on its own degradation: \(own.joined(separator: ", "))\n" }
    let counts = Set(tests.map(\.samples)).sorted().map(String.init).joined(separator: " or ")
    return text + "\(counts) samples a test set. Protocol: \(self.protocol.summary)\n"
  }
}
