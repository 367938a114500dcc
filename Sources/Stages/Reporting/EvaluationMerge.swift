import Imaging
import Pipeline

/// Puts evaluations of one protocol into one table.
package enum EvaluationMerge {
  /// - Throws: `StageFailure` that says why tables cannot be one: another protocol, another test set under the same name, or
  ///   another method under the same name.
  static func merge(_ all: [Evaluation]) throws -> Evaluation {
    guard var merged = all.first else { throw StageFailure("there is no evaluation to combine") }
    for other in all.dropFirst() {
      let names = "`\(merged.instance)` and `\(other.instance)`"
      let differences = difference(merged.result.protocol, other.result.protocol)
      guard differences.isEmpty else {
        throw StageFailure(
          "\(names) were measured under different protocols, so that their numbers cannot stand in one table: "
            + differences.joined(separator: "; "),
          help: "evaluate both under one `protocol:`, or leave `combine` out to show them one after the other")
      }
      guard merged.result.metrics == other.result.metrics else {
        throw StageFailure(
          "\(names) do not measure the same metrics", help: "give both the same `detailed` and `mesh` settings")
      }
      try append(other, to: &merged, names)
    }
    return merged
  }

  /// The differences of two protocols, field by field: `crop border: 0 px against 4 px`.
  package static func difference(_ a: EvaluationProtocolRecord, _ b: EvaluationProtocolRecord) -> [String] {
    var names: [String] = []
    for field in a.fields + b.fields where !names.contains(field.name) { names.append(field.name) }
    let found = names.compactMap { name -> String? in
      let first = a.fields.first { $0.name == name }?.value
      let second = b.fields.first { $0.name == name }?.value
      return first == second ? nil : "\(name): \(first ?? "not declared") against \(second ?? "not declared")"
    }
    return found.isEmpty && a.name != b.name ? ["`\(a.name)` against `\(b.name)`"] : found
  }

  private static func append(_ other: Evaluation, to merged: inout Evaluation, _ names: String) throws {
    for test in other.result.tests {
      guard let known = merged.result.tests.first(where: { $0.id == test.id }) else {
        merged.result.tests.append(test)
        continue
      }
      guard known.digest == test.digest, known.samples == test.samples else {
        throw StageFailure(
          "\(names) call two different test sets `\(test.id)`", help: "evaluate on one, or give them different labels")
      }
    }
    for method in other.result.methods {
      guard let known = merged.result.methods.first(where: { $0.id == method.id }) else {
        merged.result.methods.append(method)
        continue
      }
      guard known.digest == method.digest else {
        throw StageFailure("\(names) call two different methods `\(method.id)`", help: "give them different names")
      }
    }
    func isNew(_ cell: CellRecord) -> Bool {
      merged.result.value(cell.method, on: cell.test, cell.metric, cell.aggregation) == nil
    }
    let scored = Set(merged.samples.map { [$0.method, $0.test] })
    merged.result.cells += other.result.cells.filter(isNew)
    merged.samples += other.samples.filter { !scored.contains([$0.method, $0.test]) }
    for var panel in other.result.panels
    where !merged.result.panels.contains(where: {
      $0.method == panel.method && $0.test == panel.test && $0.rank == panel.rank
    }) {
      // Two artifacts may use one path for different pictures.
      for (role, path) in panel.images {
        let own = "\(other.instance)/\(path)"
        panel.images[role] = own
        merged.pictures[own] = other.pictures[path]
      }
      merged.result.panels.append(panel)
    }
    merged.result.seedGroups = joined(merged.result.seedGroups, other.result.seedGroups)
    merged.result.seedCells = joined(merged.result.seedCells, other.result.seedCells)
    merged.result.comparisons = corrected(joined(merged.result.comparisons, other.result.comparisons))
  }

  /// Comparisons with one baseline, with Holm's correction over all that now stand in one table.
  private static func corrected(_ all: [ComparisonRecord]?) -> [ComparisonRecord]? {
    guard var all = all?.filter({ $0.baseline == all?.first?.baseline }) else { return nil }
    for metric in Set(all.map(\.metric)) {
      let indices = all.indices.filter { all[$0].metric == metric }
      for (index, p) in zip(indices, Statistics.holm(indices.map { all[$0].p })) { all[index].pHolm = p }
    }
    return all
  }

  private static func joined<Item: Hashable>(_ a: [Item]?, _ b: [Item]?) -> [Item]? {
    guard let a, let b else { return a ?? b }
    return a + b.filter { !a.contains($0) }
  }
}
