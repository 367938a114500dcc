import Basics

/// One combination of matrix values: the axes in declared order, then keys that `include` added.
struct MatrixCombination {
  var values: [(name: String, value: Node)]

  subscript(name: String) -> Node? { values.first { $0.name == name }?.value }
}

/// Expands `matrix:` as GitHub Actions does: all combinations of the axes; `exclude` removes those that fit all of an
/// entry's values; then each `include` entry extends the combinations whose original values it does not change, or, when
/// there are none, becomes a combination of its own.
struct MatrixExpansion {
  private(set) var combinations: [MatrixCombination] = []
  private(set) var axes: [String] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// More instances of one stage than anybody can mean.
  static let limit = 10_000

  /// - Parameter node: substituted already.
  init(_ node: Node) {
    guard case .mapping(let entries) = node.content else {
      if case .null = node.content {
        combinations = [MatrixCombination(values: [])]
      } else {
        diagnostics.append(Diagnostic("expected a map of axes, found \(node.found)", at: node.mark))
      }
      return
    }
    var result = [MatrixCombination(values: [])]
    for entry in entries where entry.key != "include" && entry.key != "exclude" {
      guard let values = axis(entry) else { continue }
      axes.append(entry.key)
      guard result.count * values.count <= MatrixExpansion.limit else {
        diagnostics.append(
          Diagnostic("the matrix has more than \(MatrixExpansion.limit) combinations", at: entry.keyMark))
        return
      }
      result = result.flatMap { combination in
        values.map { MatrixCombination(values: combination.values + [(entry.key, $0)]) }
      }
    }
    if axes.isEmpty { result = [] }
    for entry in entries where entry.key == "exclude" { exclude(entry.value, &result) }
    for entry in entries where entry.key == "include" { include(entry.value, &result) }
    if result.isEmpty, diagnostics.isEmpty {
      diagnostics.append(Diagnostic("the matrix has no combination left", at: node.mark))
    }
    combinations = result
  }

  private mutating func axis(_ entry: Node.Entry) -> [Node]? {
    guard case .sequence(let values) = entry.value.content else {
      diagnostics.append(
        Diagnostic(
          "matrix axis `\(entry.key)` must be a list, found \(entry.value.found)",
          at: entry.value.mark ?? entry.keyMark, help: "write `\(entry.key): [ ... ]`"))
      return nil
    }
    if values.isEmpty {
      diagnostics.append(Diagnostic("matrix axis `\(entry.key)` is empty", at: entry.value.mark ?? entry.keyMark))
      return nil
    }
    var seen: [JSON: Mark?] = [:]
    var isGood = true
    for value in values {
      guard MatrixExpansion.isScalar(value) else {
        diagnostics.append(
          Diagnostic(
            "a matrix value is a string, a number, true or false, not \(value.typeName)",
            at: value.mark ?? entry.keyMark))
        isGood = false
        continue
      }
      if let first = seen[value.json] {
        diagnostics.append(
          Diagnostic(
            "matrix axis `\(entry.key)` lists `\(value.text ?? "")` twice", at: value.mark,
            notes: [.init(mark: first, message: "first listed here")]))
        isGood = false
      }
      seen[value.json] = value.mark
    }
    return isGood ? values : nil
  }

  static func isScalar(_ node: Node) -> Bool {
    switch node.content {
    case .string, .int, .double, .bool: true
    default: false
    }
  }

  private mutating func entries(_ node: Node, _ word: String) -> [[Node.Entry]] {
    guard case .sequence(let items) = node.content else {
      diagnostics.append(Diagnostic("`\(word)` must be a list of maps, found \(node.found)", at: node.mark))
      return []
    }
    return items.compactMap { item in
      guard case .mapping(let entries) = item.content else {
        diagnostics.append(Diagnostic("`\(word)` holds maps, not \(item.typeName)", at: item.mark))
        return nil
      }
      for entry in entries where !MatrixExpansion.isScalar(entry.value) {
        diagnostics.append(
          Diagnostic(
            "a matrix value is a string, a number, true or false, not \(entry.value.typeName)", at: entry.value.mark))
        return nil
      }
      return entries
    }
  }

  private mutating func exclude(_ node: Node, _ result: inout [MatrixCombination]) {
    for item in entries(node, "exclude") {
      var isKnown = true
      for entry in item where !axes.contains(entry.key) {
        diagnostics.append(
          Diagnostic(
            "`exclude` names `\(entry.key)`, which is not an axis", at: entry.keyMark,
            help: suggestion(for: entry.key, among: axes)))
        isKnown = false
      }
      guard isKnown else { continue }
      let count = result.count
      result.removeAll { combination in
        item.allSatisfy { combination[$0.key]?.json == $0.value.json }
      }
      if count == result.count {
        diagnostics.append(Diagnostic("this `exclude` entry fits no combination", at: item.first?.keyMark ?? node.mark))
      }
    }
  }

  private mutating func include(_ node: Node, _ result: inout [MatrixCombination]) {
    let original = result.count
    for item in entries(node, "include") {
      var extended = false
      for index in 0..<original {
        let fits = item.allSatisfy { entry in
          !axes.contains(entry.key) || result[index][entry.key]?.json == entry.value.json
        }
        guard fits else { continue }
        extended = true
        for entry in item where !axes.contains(entry.key) {
          if let position = result[index].values.firstIndex(where: { $0.name == entry.key }) {
            result[index].values[position].value = entry.value
          } else {
            result[index].values.append((entry.key, entry.value))
          }
        }
      }
      if !extended {
        // Axes first, in their order, so that names read alike.
        let ordered = axes.compactMap { axis in item.first { $0.key == axis } } + item.filter { !axes.contains($0.key) }
        result.append(MatrixCombination(values: ordered.map { ($0.key, $0.value) }))
      }
    }
  }
}
