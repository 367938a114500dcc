/// `--set path=value`: one more layer over the file, whose marks stand in a pseudo-file named `--set` with one line an
/// override.
struct Overrides {
  static let file = "--set"

  private(set) var layers: [Node] = []
  private(set) var diagnostics: [Diagnostic] = []
  let text: String

  /// - Parameters:
  ///   - document: what the paths can name.
  init(_ overrides: [String], document: Node) {
    text = overrides.joined(separator: "\n")
    for (index, override) in overrides.enumerated() {
      let mark = Mark(file: Overrides.file, line: index + 1, column: 1)
      guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
        diagnostics.append(
          Diagnostic(
            "`\(override)` is not an override", at: mark, help: "write --set path=value, such as vars.epochs=3"))
        continue
      }
      let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map {
        String($0.trimmed)
      }
      let raw = override[override.index(after: equals)...]
      let column = override.distance(from: override.startIndex, to: equals) + 2
      let value: Node
      if raw.allSatisfy({ $0 == " " }) {
        value = Node(.string(""), mark: Mark(file: Overrides.file, line: index + 1, column: column))
      } else {
        // Blank lines and spaces put the value's marks where the override stands.
        let padding = String(repeating: "\n", count: index) + String(repeating: " ", count: column - 1)
        let result = YAMLReader.read(padding + raw, file: Overrides.file)
        diagnostics += result.diagnostics.map {
          var problem = $0
          problem.mark?.line = index + 1
          return problem
        }
        guard let node = result.node else { continue }
        value = node
      }
      if let layer = layer(path, value, mark, document) { layers.append(layer) }
    }
  }

  private mutating func layer(_ path: [String], _ value: Node, _ mark: Mark, _ document: Node) -> Node? {
    guard path.allSatisfy({ !$0.isEmpty }) else {
      diagnostics.append(Diagnostic("`\(path.joined(separator: "."))` is not a path", at: mark))
      return nil
    }
    let variables = Overrides.keys(document["vars"])
    let stages = Overrides.keys(document["stages"])
    var path = path
    switch path[0] {
    case "vars" where path.count > 1:
      guard variables.contains(path[1]) else {
        diagnostics.append(
          Diagnostic("there is no variable `\(path[1])`", at: mark, help: suggestion(for: path[1], among: variables)))
        return nil
      }
    case "stages" where path.count > 1:
      guard stages.contains(path[1]) else { return unknownStage(path[1], stages, mark) }
    case "version", "extends", "profiles":
      diagnostics.append(Diagnostic("`\(path[0])` cannot be set from outside", at: mark))
      return nil
    case let key where FileLanguage.top.contains { $0.name == key }: break
    case let name where stages.contains(name) && path.count > 1: path.insert("stages", at: 0)
    case let name where variables.contains(name): path.insert("vars", at: 0)
    default:
      return unknownStage(
        path[0], stages + variables.map { "vars.\($0)" } + FileLanguage.profileKeys, mark,
        what: path.count > 1 ? "stage" : "variable or stage")
    }
    let entry = Node.Entry(key: path.joined(separator: "."), keyMark: mark, value: value)
    return Node(.mapping([Merge.nest(path[...], entry)]), mark: mark)
  }

  private mutating func unknownStage(
    _ name: String, _ choices: [String], _ mark: Mark, what: String = "stage"
  ) -> Node? {
    diagnostics.append(
      Diagnostic("there is no \(what) `\(name)`", at: mark, help: suggestion(for: name, among: choices)))
    return nil
  }

  static func keys(_ node: Node?) -> [String] {
    guard case .mapping(let entries)? = node?.content else { return [] }
    return entries.map(\.key)
  }
}
