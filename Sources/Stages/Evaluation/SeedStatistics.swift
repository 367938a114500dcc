import Basics
import Imaging
import Reporting

/// Methods that differ in nothing but the seed of their training.
public struct SeedGroupRecord: Codable, Hashable, Sendable {
  /// The methods' instance without the seed, such as `train@dsine`.
  public var id: String
  public var name: String
  /// Identifiers of the methods, and their seeds, in one order.
  public var methods: [String]
  public var seeds: [Int]

  public init(id: String, name: String, methods: [String], seeds: [Int]) {
    self.id = id
    self.name = name
    self.methods = methods
    self.seeds = seeds
  }

  /// The groups among methods; nil when no two share one.
  static func groups(of methods: [MethodRecord]) -> [SeedGroupRecord]? {
    var groups: [SeedGroupRecord] = []
    for method in methods {
      guard let id = method.group, let seed = method.seed else { continue }
      if let index = groups.firstIndex(where: { $0.id == id }) {
        groups[index].methods.append(method.id)
        groups[index].seeds.append(seed)
      } else {
        let name = method.name.replacing(", seed \(seed)", with: "").replacing("seed \(seed)", with: id)
        groups.append(SeedGroupRecord(id: id, name: name, methods: [method.id], seeds: [seed]))
      }
    }
    return groups.isEmpty ? nil : groups
  }
}

/// Figures over seeds, which say how much of a difference is the luck of one training.
struct SeedStatistics {
  let table: ScoreTable
  let result: EvaluationResult

  private var groups: [SeedGroupRecord] { result.seedGroups ?? [] }

  /// Mean and sample standard deviation, over the seeds of each group, of every cell; nil without groups.
  var cells: [CellRecord]? {
    guard !groups.isEmpty else { return nil }
    return groups.flatMap { group in
      result.tests.flatMap { test in
        result.metrics.flatMap { metric in
          metric.aggregations.compactMap { aggregation -> CellRecord? in
            let values = group.methods.compactMap { result.value($0, on: test.id, metric.id, aggregation) }
            guard values.count == group.methods.count, !values.isEmpty else { return nil }
            return CellRecord(
              method: group.id, test: test.id, metric: metric.id, aggregation: aggregation,
              value: Statistics.mean(values), deviation: Statistics.standardDeviation(values))
          }
        }
      }
    }
  }

  /// Scores by sample of a method, or of a group: there the mean over its seeds.
  func values(_ id: String, on test: String, _ metric: String) -> [String: Double] {
    let methods = groups.first { $0.id == id }?.methods ?? [id]
    var sums: [String: Double] = [:]
    var counts: [String: Int] = [:]
    for method in methods {
      for row in table.rows(method: method, test: test) {
        guard let value = row.figures.values[metric] else { continue }
        sums[row.sample, default: 0] += value
        counts[row.sample, default: 0] += 1
      }
    }
    return sums.filter { counts[$0.key] == methods.count }.mapValues { $0 / Double(methods.count) }
  }
}

extension EvaluationResult {
  /// `group,name,test,metric,aggregation,seeds,mean,sd`.
  var seedsCSV: String {
    let groups = seedGroups ?? []
    var lines = [["group", "name", "test", "metric", "aggregation", "seeds", "mean", "sd"]]
    for cell in seedCells ?? [] {
      guard let group = groups.first(where: { $0.id == cell.method }) else { continue }
      lines.append([
        group.id, group.name, cell.test, cell.metric, cell.aggregation,
        group.seeds.map(String.init).joined(separator: " "),
        "\(cell.value)", cell.deviation.map { "\($0)" } ?? "",
      ])
    }
    return CSV.encode(lines, .result)
  }

  /// Mean and standard deviation over seeds for the headline's figures; empty without groups.
  func seedsText(headline: [String]) -> String {
    guard let seedGroups, let seedCells else { return "" }
    var text = ""
    for line in headline {
      let words = line.split(separator: " ").map(String.init)
      guard let metric = metrics.first(where: { $0.id == words.first }) else { continue }
      let aggregation = words.count > 1 ? words[1] : "mean"
      text += "\(metric.title), \(aggregation), mean +- standard deviation over seeds:\n"
      for group in seedGroups {
        let parts = tests.compactMap { test -> String? in
          seedCells.first {
            $0.method == group.id && $0.test == test.id && $0.metric == metric.id && $0.aggregation == aggregation
          }.map {
            "\(test.name) \(Numbers.plain($0.value, metric.decimals)) +- \(Numbers.plain($0.deviation ?? 0, metric.decimals))"
          }
        }
        text += "  \(group.name) (\(group.seeds.count) seeds): \(parts.joined(separator: "; "))\n"
      }
    }
    return text
  }
}
