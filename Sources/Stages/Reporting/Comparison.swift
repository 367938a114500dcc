import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Metric tables in long form, put side by side.
package struct Comparison {
  package struct Row {
    package var train: String
    package var test: String
    package var metric: String
    package var aggregation: String
    package var protocolName: String
    /// Digest of the whole protocol, where the table states it.
    package var protocolID: String
    /// The method without its seed, where the table states it.
    package var group: String
    package var value: Double
  }

  /// One table: a variant with one seed.
  package struct Entry {
    package var label: String
    package var seed: String
    package var rows: [Row]
    /// The result that the table declares, to say how protocols differ and how figures are printed; nil where it does not.
    package var result: EvaluationResult?
    /// Parameters by stage of all that the table was made from.
    package var stages: [String: JSON]

    package init(label: String, seed: String, rows: [Row], result: EvaluationResult?, stages: [String: JSON]) {
      (self.label, self.seed, self.rows, self.result, self.stages) = (label, seed, rows, result, stages)
    }
  }

  package let entries: [Entry]
  package let baseline: String
  private let metrics: [String]
  private let aggregate: ComparisonSettings.Aggregate

  /// - Parameters:
  ///   - baseline: a label, or a part of one; the first label when nil.
  ///   - aggregate: how the seeds of one label become one figure.
  package init(entries: [Entry], metrics: [String], baseline: String?, aggregate: ComparisonSettings.Aggregate) {
    self.entries = Self.withMethods(entries)
    self.metrics = metrics
    self.aggregate = aggregate
    let labels = entries.map(\.label)
    let wanted = baseline.flatMap { name in
      labels.first { $0 == name } ?? labels.first { $0.split(separator: " ").contains(Substring(name)) }
    }
    self.baseline = wanted ?? labels.first ?? ""
  }

  /// Reads `train,test,metric,aggregation,value,…`.
  package static func rows(_ text: String, of instance: String) throws -> [Row] {
    let (header, rows) = try CSV.decodeRows(text)
    func column(_ name: String) throws -> Int {
      guard let index = header.firstIndex(of: name) else {
        throw Diagnostic("cross.csv of `\(instance)` has no column `\(name)`")
      }
      return index
    }
    let (train, test) = (try column("train"), try column("test"))
    let (metric, aggregation, value) = (try column("metric"), try column("aggregation"), try column("value"))
    let protocolColumn = header.firstIndex(of: "protocol")
    let idColumn = header.firstIndex(of: "protocol_id")
    let groupColumn = header.firstIndex(of: "group")
    return rows.compactMap { row in
      guard let number = Double(row[value]) else { return nil }
      return Row(
        train: row[train], test: row[test], metric: row[metric], aggregation: row[aggregation],
        protocolName: protocolColumn.map { row[$0] } ?? "", protocolID: idColumn.map { row[$0] } ?? "",
        group: groupColumn.map { row[$0] } ?? row[train], value: number)
    }
  }

  /// Names rows by their method where a table holds several that were trained on one degradation: only seeds of one method
  /// may be averaged.
  private static func withMethods(_ entries: [Entry]) -> [Entry] {
    struct Place: Hashable { var train: String, test: String, metric: String, aggregation: String }
    let ambiguous = entries.contains { entry in
      Dictionary(grouping: entry.rows) {
        Place(train: $0.train, test: $0.test, metric: $0.metric, aggregation: $0.aggregation)
      }.values.contains { Set($0.map(\.group)).count > 1 }
    }
    guard ambiguous else { return entries }
    return entries.map { entry in
      var entry = entry
      for index in entry.rows.indices where entry.rows[index].group != entry.rows[index].train {
        entry.rows[index].train += " (\(entry.rows[index].group))"
      }
      return entry
    }
  }

  /// Parameters of everything an instance was made from, by stage and those labels that are not variants or seeds.
  package static func configuration(_ instance: StageInstance, _ all: [StageInstance]) -> [String: JSON] {
    let index = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [String: JSON] = [:]
    var pending = [instance.id]
    var seen: Set<String> = []
    while let id = pending.popLast() {
      guard seen.insert(id).inserted, let stage = index[id] else { continue }
      let own = stage.labels.filter { $0.name != "variant" && $0.name != "seed" }.map(\.text)
      found[([stage.stage] + own).joined(separator: "@")] = stage.keyParameters
      pending += stage.upstream
    }
    return found
  }

  /// Tables never mix protocols.
  /// - Throws: `Diagnostic` that says in which fields the protocols differ.
  package func checkProtocols() throws {
    func identity(_ entry: Entry) -> Set<String> { Set(entry.rows.map { "\($0.protocolName) \($0.protocolID)" }) }
    guard let first = entries.first,
      let other = entries.first(where: { identity($0).union(identity(first)).count > 1 })
    else { return }
    let names = Set((first.rows + other.rows).map(\.protocolName)).sorted().joined(separator: ", ")
    var text = "these tables were made under different protocols: \(names)"
    if let a = first.result?.protocol, let b = other.result?.protocol {
      text += " (\(first.label) against \(other.label): \(EvaluationMerge.difference(a, b).joined(separator: "; ")))"
    }
    throw Diagnostic(text, help: "numbers of different protocols cannot be compared; evaluate all under one")
  }

  private var labels: [String] {
    var seen: Set<String> = []
    return ([baseline] + entries.map(\.label)).filter { seen.insert($0).inserted }
  }

  private struct Figure: Hashable {
    var metric: String
    var aggregation: String
  }

  private func values(_ label: String, _ train: String, _ test: String, _ figure: Figure) -> [Double] {
    entries.filter { $0.label == label }.flatMap { entry in
      entry.rows.filter {
        $0.train == train && $0.test == test && $0.metric == figure.metric && $0.aggregation == figure.aggregation
      }.map(\.value)
    }
  }

  /// Digits after the point: as the tables declare them, else as this version would print the metric.
  private func decimals(_ metric: String) -> Int {
    let declared = entries.lazy.compactMap { $0.result?.metrics.first { $0.id == metric } }.first
    return (declared ?? MetricCatalogue.record(metric))?.decimals ?? 5
  }

  private func centre(_ values: [Double]) -> Double {
    aggregate == .median ? Statistics.percentile(values, 50) : Statistics.mean(values)
  }

  private var figures: [Figure] {
    var seen: Set<Figure> = []
    return entries.flatMap(\.rows).filter { metrics.isEmpty || metrics.contains($0.metric) }.map {
      Figure(metric: $0.metric, aggregation: $0.aggregation)
    }.filter { seen.insert($0).inserted }
  }

  /// Sections are training and test set, rows labels, columns metrics with their difference to the baseline.
  package var table: Table {
    let figures = figures
    var columns = [Table.Column("Label")]
    for figure in figures {
      let decimals = decimals(figure.metric)
      let group = figure.aggregation.isEmpty ? figure.metric : "\(figure.metric) (\(figure.aggregation))"
      columns.append(Table.Column("value", group: group, decimals: decimals))
      columns.append(Table.Column("difference", group: group, decimals: decimals, signed: true))
    }
    var pairs: [(String, String)] = []
    for row in entries.flatMap(\.rows) where !pairs.contains(where: { $0 == (row.train, row.test) }) {
      pairs.append((row.train, row.test))
    }
    let sections = pairs.map { train, test in
      Table.Section(
        title: "\(train) on \(test)",
        rows: labels.map { label in
          var cells: [Table.Cell] = [.text(label)]
          for figure in figures {
            let own = values(label, train, test, figure)
            let base = values(baseline, train, test, figure)
            guard !own.isEmpty else {
              cells += [.missing, .missing]
              continue
            }
            let centre = centre(own)
            let spread = aggregate == .meanStd && own.count > 1 ? Statistics.standardDeviation(own) : nil
            cells.append(spread.map { .deviation(centre, $0) } ?? .number(centre))
            cells.append(label == baseline || base.isEmpty ? .missing : .number(centre - self.centre(base)))
          }
          return cells
        })
    }
    let name = entries.flatMap(\.rows).first?.protocolName ?? ""
    let most = Dictionary(grouping: entries, by: \.label).values.map(\.count).max() ?? 1
    return Table(
      caption: "Differences to \(baseline)" + (name.isEmpty ? "" : ", protocol \(name)")
        + (most > 1 ? ", \(aggregate.phrase) over \(most) seeds" : ""),
      columns: columns, sections: sections, sectionTitle: "Trained and tested on")
  }

  /// Parameters that differ from those of the baseline.
  package var differences: [String] {
    guard let base = entries.first(where: { $0.label == baseline })?.stages else { return [] }
    var lines: [String] = []
    for label in labels where label != baseline {
      guard let own = entries.first(where: { $0.label == label })?.stages else { continue }
      for stage in Set(base.keys).union(own.keys).sorted() where base[stage] != own[stage] {
        guard let a = base[stage], let b = own[stage] else {
          lines.append("\(label): \(stage) is only in \(base[stage] == nil ? label : baseline)")
          continue
        }
        lines += KeyDifference.between(a, b).map { "\(label): \(stage).\($0.text)" }
      }
    }
    return lines
  }

  package var json: JSON {
    var rows: [JSON] = []
    for entry in entries {
      for row in entry.rows where metrics.isEmpty || metrics.contains(row.metric) {
        rows.append([
          "label": .string(entry.label), "seed": .string(entry.seed), "train": .string(row.train),
          "test": .string(row.test), "metric": .string(row.metric), "aggregation": .string(row.aggregation),
          "value": .double(row.value),
        ])
      }
    }
    return [
      "schema_version": 1, "baseline": .string(baseline), "values": .array(rows),
      "configuration": .array(differences.map(JSON.string)),
    ]
  }
}

extension ComparisonSettings.Aggregate {
  fileprivate var phrase: String {
    switch self {
    case .mean: "mean"
    case .meanStd: "mean and standard deviation"
    case .median: "median"
    }
  }
}
