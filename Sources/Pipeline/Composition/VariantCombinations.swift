import Basics

/// The file's variants and matrix taken apart: each combination is one variant with one choice from the file's matrix, under
/// which the whole graph is resolved once. Files without either have one combination without coordinates.
struct VariantCombinations {
  struct Combination {
    var variant: String?
    /// Axis values under the names that labels use and under their full names.
    var matrix: [String: Node] = [:]
    /// For each dimension the position of this combination's value; nil where `include` left it out.
    var coordinates: [Int?] = []
    /// Document-shaped changes in the order in which they apply.
    var layers: [Node] = []
  }

  private(set) var dimensions: [PipelineDimension] = []
  /// Where each dimension is declared.
  private(set) var marks: [Mark?] = []
  private(set) var all: [Combination] = []
  private(set) var diagnostics: [Diagnostic] = []
  static let limit = 10_000

  /// - Parameter document: merged, with `matrix` substituted.
  init(document: Node, matrix: Node?, merge: inout Merge) {
    var variants: [(name: String?, layer: Node?)] = [(nil, nil)]
    if let node = document["variants"], let found = read(variants: node, &merge) { variants = found }
    var combinations = [MatrixCombination(values: [])]
    var axes: [String] = []
    if let matrix {
      let expansion = MatrixExpansion(matrix)
      diagnostics += expansion.diagnostics
      if !expansion.combinations.isEmpty { combinations = expansion.combinations }
      for combination in combinations {
        for (name, _) in combination.values where !axes.contains(name) { axes.append(name) }
      }
    }
    let labels = VariantCombinations.labels(axes)
    if variants[0].name != nil {
      dimensions.append(PipelineDimension(name: "variant", values: variants.map { .string($0.name ?? "") }))
      marks.append(document["variants"]?.mark)
    }
    for (axis, label) in zip(axes, labels) {
      var values: [JSON] = []
      for combination in combinations {
        if let value = combination[axis]?.json, !values.contains(value) { values.append(value) }
      }
      dimensions.append(PipelineDimension(name: label, values: values))
      marks.append(matrix.flatMap { VariantCombinations.keyMark(axis, in: $0) })
      if label == "variant" {
        diagnostics.append(
          Diagnostic("a matrix axis cannot be named `variant`", at: marks.last ?? nil, help: "use `variants:`"))
      }
    }
    guard variants.count * combinations.count <= VariantCombinations.limit else {
      diagnostics.append(
        Diagnostic(
          "variants and matrix have more than \(VariantCombinations.limit) combinations", at: document["matrix"]?.mark))
      all = [Combination()]
      return
    }
    let layers = combinations.map { axisLayers($0, document) }
    for (position, variant) in variants.enumerated() {
      for (index, combination) in combinations.enumerated() {
        var result = Combination(variant: variant.name)
        if variant.name != nil { result.coordinates.append(position) }
        for (axis, label) in zip(axes, labels) {
          let value = combination[axis]
          result.matrix[axis] = value
          result.matrix[label] = value
          let dimension = dimensions[result.coordinates.count]
          result.coordinates.append(value.flatMap { dimension.values.firstIndex(of: $0.json) })
        }
        result.layers = [variant.layer].compactMap { $0 } + layers[index]
        all.append(result)
      }
    }
  }

  private mutating func read(variants node: Node, _ merge: inout Merge) -> [(String?, Node?)]? {
    guard case .mapping(let entries) = node.content else {
      if case .null = node.content { return nil }
      diagnostics.append(Diagnostic("expected a map of variants, found \(node.found)", at: node.mark))
      return nil
    }
    var result: [(String?, Node?)] = []
    for entry in entries {
      switch entry.value.content {
      case .null: result.append((entry.key, Node(.mapping([]), mark: entry.value.mark)))
      case .mapping: result.append((entry.key, VariantCombinations.layer(of: entry.value, &merge)))
      default:
        diagnostics.append(
          Diagnostic(
            "variant `\(entry.key)` must be a map of changes, found \(entry.value.found)", at: entry.value.mark,
            help: "write `\(entry.key): { train.with.epochs: 3 }`, or `\(entry.key): {}` for no change"))
      }
    }
    return result.isEmpty ? nil : result
  }

  /// A variant's body in document shape: `train.with.epochs` and `train` stand below `stages`.
  static func layer(of body: Node, _ merge: inout Merge) -> Node {
    guard case .mapping(let entries) = body.content else { return body }
    var result = Node(.mapping([]), mark: body.mark)
    for entry in entries {
      let first = entry.key.prefix { $0 != "." }
      var entry = entry
      if !FileLanguage.variantKeys.contains(String(first)) { entry.key = "stages." + entry.key }
      if entry.key == "stages" { entry.value = merge.expandDottedKeys(entry.value) }
      let path = entry.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let nested = Node(.mapping([Merge.nest(path[...], entry)]), mark: body.mark)
      result = merge.merge(result, nested)
    }
    return result
  }

  /// Keys of a layer's `stages:` may be paths: `train.with.epochs: 3`.
  static func expandStages(of layer: Node, _ merge: inout Merge) -> Node {
    guard case .mapping(var entries) = layer.content else { return layer }
    for index in entries.indices where entries[index].key == "stages" {
      entries[index].value = merge.expandDottedKeys(entries[index].value)
    }
    return Node(.mapping(entries), mark: layer.mark)
  }

  /// The change that an axis makes: to the file's seed, the variable of its name, or the value at its path.
  private mutating func axisLayers(_ combination: MatrixCombination, _ document: Node) -> [Node] {
    combination.values.compactMap { name, value in
      var path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      if path.count == 1 {
        if name == "seed" {
          path = ["seed"]
        } else if document["vars"]?[name] != nil {
          path = ["vars", name]
        } else {
          return nil
        }
      } else if !["stages", "vars", "defaults"].contains(path[0]) {
        path.insert("stages", at: 0)
      }
      if path[0] == "stages", document["stages"]?[path[1]] == nil {
        let problem = Diagnostic(
          "matrix axis `\(name)`: there is no stage `\(path[1])`",
          at: document["matrix"].flatMap { VariantCombinations.keyMark(name, in: $0) },
          help: suggestion(for: path[1], among: Overrides.keys(document["stages"])))
        if !diagnostics.contains(problem) { diagnostics.append(problem) }
        return nil
      }
      let entry = Node.Entry(key: name, keyMark: value.mark, value: value)
      return Node(.mapping([Merge.nest(path[...], entry)]), mark: value.mark)
    }
  }

  /// Last parts of dotted axes, as long as they stay distinct.
  private static func labels(_ axes: [String]) -> [String] {
    let short = axes.map { axis in axis.split(separator: ".").last.map(String.init) ?? axis }
    return zip(axes, short).map { axis, label in short.filter { $0 == label }.count == 1 ? label : axis }
  }

  private static func keyMark(_ key: String, in node: Node) -> Mark? {
    guard case .mapping(let entries) = node.content else { return nil }
    return entries.first { $0.key == key }?.keyMark ?? node.mark
  }
}
