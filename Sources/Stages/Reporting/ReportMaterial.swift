import Basics
import Foundation
import Pipeline
import Reporting

/// Everything a report is made from, read and checked.
struct ReportMaterial: Sendable {
  var evaluations: [Evaluation] = []
  var histories: [TrainingHistory] = []
  /// Tables of other stages, shown as they are.
  var extras: [ExtraTable] = []
  /// Inputs of the report, for the list of digests.
  var inputs: [InputRecord] = []

  struct InputRecord: Hashable, Sendable {
    var instance: String
    var kind: String
    var digest: String
  }

  struct ExtraTable: Sendable {
    var instance: String
    var file: String
    var header: [String]
    var rows: [[String]]
  }
}

/// One evaluation with the scores of its samples and its pictures by path.
struct Evaluation: Sendable {
  var instance: String
  var result: EvaluationResult
  var samples: [SampleScore]
  var pictures: [String: ReportDocument.Picture]
}

/// The value of one sample: a row of `samples.csv`.
struct SampleScore: Hashable, Sendable {
  var sample: String
  var method: String
  var test: String
  var metric: String
  var value: Double

  /// Reads `sample,method,test,metric,value`, or the wide form with a column for each metric.
  /// - Throws: `StageFailure` naming the file, the line and what is wrong.
  static func read(_ text: String, name: String) throws -> [SampleScore] {
    let table: (header: [String], rows: [[String]])
    do { table = try CSV.decodeRows(text) } catch { throw StageFailure("\(name): \(error)") }
    func column(_ title: String) throws -> Int {
      guard let index = table.header.firstIndex(of: title) else {
        throw StageFailure("\(name): no column `\(title)` among \(table.header.joined(separator: ", "))")
      }
      return index
    }
    let sample = try column("sample")
    let method = try column("method")
    let test = try column("test")
    var scores: [SampleScore] = []
    func add(_ row: [String], _ metric: String, _ value: Double) {
      scores.append(.init(sample: row[sample], method: row[method], test: row[test], metric: metric, value: value))
    }
    if table.header.contains("metric"), table.header.contains("value") {
      let metric = try column("metric")
      let value = try column("value")
      for (index, row) in table.rows.enumerated() where !row[value].isEmpty {
        guard let number = Double(row[value]) else {
          throw StageFailure("\(name): row \(index + 1): `\(row[value])` is not a number")
        }
        add(row, row[metric], number)
      }
      return scores
    }
    for row in table.rows {
      for (c, title) in table.header.enumerated() where ![sample, method, test].contains(c) {
        // The wide form also holds words, such as the side of the split.
        if let value = Double(row[c]) { add(row, title, value) }
      }
    }
    return scores
  }
}

/// The curves of one training: the numeric columns of `history.csv`.
struct TrainingHistory: Hashable, Sendable {
  var instance: String
  /// The matrix values of the instance, such as `["kind": "bicubic"]`.
  var labels: [String: JSON]
  var columns: [String: [Double]] = [:]
  /// Column names in the file's order.
  var order: [String] = []

  /// - Throws: `StageFailure` naming the file and what is wrong.
  init(instance: String, labels: [String: JSON], csv text: String, name: String) throws {
    let table: (header: [String], rows: [[String]])
    do { table = try CSV.decodeRows(text) } catch { throw StageFailure("\(name): \(error)") }
    self.instance = instance
    self.labels = labels
    for (c, title) in table.header.enumerated() where columns[title] == nil {
      let values = table.rows.map { $0[c].isEmpty ? Double.nan : Double($0[c]) }
      let numbers = values.compactMap { $0 }
      guard numbers.count == values.count else { continue }  // a column of words
      order.append(title)
      columns[title] = numbers
    }
  }

  /// How the paper would call this run: the matrix values, degradations under their printed names.
  var name: String {
    let values = labels.sorted { $0.key < $1.key }.map { key, value in
      switch value {
      case .string(let text): Titles.degradation(text)
      default: "\(key) \(value.canonical)"
      }
    }
    return values.isEmpty ? instance : values.joined(separator: ", ")
  }
}
