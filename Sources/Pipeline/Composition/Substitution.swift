import Basics

/// Replaces `${...}` in scalars. A scalar that is nothing but `${x}` becomes the value of `x` with its type, list or map
/// and its own mark; inside other text, `${x}` must be a scalar. `$${` stands for `${`.
final class Substitution {
  /// The names that a file's expressions can use.
  struct Scope {
    /// Values of the file's and the stage's matrix, by axis.
    var matrix: [String: Node] = [:]
    var variant: String?
    var seed: Int?
    /// Names that stay as they are, such as `inputs.`: somebody else fills them in later.
    var kept: [String] = []
  }

  private enum State {
    case raw(Node)
    case open
    case done(Node?)
  }

  private var vars: [String: State] = [:]
  private var names: [String]
  /// Variables being resolved, for the message about a circle.
  private var path: [String] = []
  private let outer: Scope
  private(set) var diagnostics: [Diagnostic] = []
  /// Values that could not be filled in, reported now or where their variable is defined.
  private(set) var failures = 0
  /// What may still be put in place, in bytes; negative once too much was asked for.
  private var budget = InputBudget.PipelineFile.expandedBytes
  /// Mark of a variable's value to the place that used it last; lets errors name both.
  private(set) var uses: [Mark: Mark] = [:]

  /// - Parameter outer: what variables themselves may use.
  init(vars: Node?, outer: Scope) {
    self.outer = outer
    names = []
    guard case .mapping(let entries)? = vars?.content else { return }
    for entry in entries {
      self.vars[entry.key] = .raw(entry.value)
      names.append(entry.key)
    }
  }

  /// Hands over the diagnostics found since the last call.
  func takeDiagnostics() -> [Diagnostic] {
    defer { diagnostics = [] }
    return diagnostics
  }

  /// Resolves every variable, so that mistakes in unused ones are found too.
  func resolveAll() { for name in names { _ = variable(name, at: nil) } }

  /// The node with everything replaced; what cannot be is reported and becomes null.
  func resolve(_ node: Node, _ scope: Scope) -> Node { replaced(node, scope) ?? node }

  /// Nil when there is nothing to replace, so that plain files are not copied.
  private func replaced(_ node: Node, _ scope: Scope) -> Node? {
    switch node.content {
    case .string(let text):
      return Template.mayHold(text) ? expand(text, node, scope) : nil
    case .sequence(let items):
      var copy: [Node]?
      for (index, item) in items.enumerated() {
        guard let new = replaced(item, scope) else { continue }
        if copy == nil { copy = items }
        copy?[index] = new
      }
      return copy.map { with(node, .sequence($0)) }
    case .mapping(let entries):
      var copy: [Node.Entry]?
      for (index, entry) in entries.enumerated() {
        guard let new = replaced(entry.value, scope) else { continue }
        if copy == nil { copy = entries }
        copy?[index].value = new
      }
      return copy.map { with(node, .mapping($0)) }
    default: return nil
    }
  }

  private func with(_ node: Node, _ content: Node.Content) -> Node {
    var copy = node
    copy.content = content
    return copy
  }

  private func failed(_ node: Node) -> Node {
    failures += 1
    return Node(.null, mark: node.mark)
  }

  private func expand(_ text: String, _ node: Node, _ scope: Scope) -> Node {
    let parts: [Template.Part]
    do throws(Template.Problem) {
      parts = try Template.parse(text)
    } catch {
      diagnostics.append(
        Diagnostic(error.message, at: node.mark, help: "write `$${` for a `${` that stays"))
      return failed(node)
    }
    if parts.count == 1, case .expression(let name) = parts[0], !isKept(name, scope) {
      guard let value = value(of: name, at: node.mark, scope), spend(value, at: node.mark) else { return failed(node) }
      note(value, usedAt: node.mark)
      var copy = value
      copy.isSubstituted = true
      return copy
    }
    var result = ""
    var mark = node.mark
    for (index, part) in parts.enumerated() {
      switch part {
      case .text(let text): result += text
      case .expression(let name) where isKept(name, scope): result += "${\(name)}"
      case .expression(let name):
        guard let value = value(of: name, at: node.mark, scope) else { return failed(node) }
        guard let text = value.text else {
          diagnostics.append(
            Diagnostic(
              "`${\(name)}` is \(value.typeName), which cannot stand inside other text", at: node.mark,
              help: "use it alone: \"${\(name)}\"", notes: [.init(mark: value.mark, message: "its value")]))
          return failed(node)
        }
        // A path that starts with a variable belongs to the file that wrote the variable.
        if index == 0, !name.hasPrefix("matrix."), case .string = value.content, value.mark != nil {
          note(value, usedAt: node.mark)
          mark = value.mark
        }
        guard spend(value, at: node.mark) else { return failed(node) }
        result += text
      }
    }
    return Node(.string(result), mark: mark)
  }

  /// Takes a value's size from the budget, before it is copied: variables that name one another can describe what fits into
  /// no memory.
  /// - Returns: false when the budget does not suffice, which is reported once.
  private func spend(_ value: Node, at mark: Mark?) -> Bool {
    guard budget >= 0 else { return false }
    charge(value)
    if budget >= 0 { return true }
    diagnostics.append(
      Diagnostic(
        "`${...}` expands to more than \(InputBudget.PipelineFile.expandedBytes >> 20) MiB here", at: mark,
        help: "variables that repeat one another grow with every step: write the values out, or read them from a file"))
    return false
  }

  private func charge(_ value: Node) {
    budget -= InputBudget.PipelineFile.bytesOfANode
    switch value.content {
    case .string(let text): budget -= text.utf8.count
    case .sequence(let items): for item in items where budget >= 0 { charge(item) }
    case .mapping(let entries):
      for entry in entries where budget >= 0 {
        budget -= entry.key.utf8.count
        charge(entry.value)
      }
    default: break
    }
  }

  private func note(_ value: Node, usedAt mark: Mark?) {
    if let from = value.mark, let mark, from != mark { uses[from] = mark }
  }

  private func isKept(_ name: String, _ scope: Scope) -> Bool { scope.kept.contains { name.hasPrefix($0) } }

  private func value(of name: String, at mark: Mark?, _ scope: Scope) -> Node? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    switch parts[0] {
    case "matrix" where parts.count > 1:
      let axis = parts.dropFirst().joined(separator: ".")
      if let value = scope.matrix[axis] { return value }
      diagnostics.append(
        Diagnostic(
          "`${\(name)}`: there is no matrix axis `\(axis)` here", at: mark,
          help: scope.matrix.isEmpty
            ? "add `matrix: { \(axis): [...] }` to the stage" : suggestion(for: axis, among: Array(scope.matrix.keys))))
      return nil
    case "variant" where parts.count == 1 && scope.variant != nil: return Node(.string(scope.variant ?? ""), mark: mark)
    case "seed" where parts.count == 1 && vars["seed"] == nil: return Node(.int(scope.seed ?? 0), mark: mark)
    default: break
    }
    let path = parts[0] == "vars" && parts.count > 1 ? Array(parts.dropFirst()) : parts
    guard vars[path[0]] != nil else {
      let known = names + scope.matrix.keys.map { "matrix.\($0)" }
      diagnostics.append(
        Diagnostic(
          "there is no variable `\(path[0])`", at: mark,
          help: known.isEmpty
            ? "define it under `vars:`"
            : diagnostics.count < InputBudget.PipelineFile.suggestions ? suggestion(for: path[0], among: known) : nil))
      return nil
    }
    guard var node = variable(path[0], at: mark) else { return nil }
    for key in path.dropFirst() {
      guard let inner = node[key] else {
        var choices: [String] = []
        if case .mapping(let entries) = node.content { choices = entries.map(\.key) }
        diagnostics.append(
          Diagnostic(
            "`${\(name)}`: the variable has no `\(key)`", at: mark, help: suggestion(for: key, among: choices),
            notes: [.init(mark: node.mark, message: "its value")]))
        return nil
      }
      node = inner
    }
    return node
  }

  private func variable(_ name: String, at mark: Mark?) -> Node? {
    switch vars[name] {
    case nil: return nil
    case .done(let value): return value
    case .open:
      let circle = (path.drop { $0 != name } + [name]).joined(separator: " -> ")
      diagnostics.append(Diagnostic("variables refer to each other in a circle: \(circle)", at: mark))
      return nil
    case .raw(let node):
      guard path.count < InputBudget.PipelineFile.depth else {
        diagnostics.append(
          Diagnostic("variables refer to one another more than \(InputBudget.PipelineFile.depth) deep", at: node.mark))
        failures += 1
        vars[name] = .done(nil)
        return nil
      }
      vars[name] = .open
      path.append(name)
      let before = failures
      let value = resolve(node, outer)
      path.removeLast()
      // A broken variable is reported once, where it is defined; its users stay silent.
      let result = failures == before ? value : nil
      vars[name] = .done(result)
      return result
    }
  }
}

/// The text of a scalar taken apart at `${...}`.
enum Template {
  enum Part: Hashable {
    case text(String)
    case expression(String)
  }

  struct Problem: Error {
    var message: String
  }

  static func mayHold(_ text: String) -> Bool { text.utf8.contains(UInt8(ascii: "$")) }

  static func parse(_ text: String) throws(Problem) -> [Part] {
    var parts: [Part] = []
    var plain = ""
    var rest = text.unicodeScalars[...]
    while let scalar = rest.first {
      if scalar != "$" {
        plain.unicodeScalars.append(rest.removeFirst())
        continue
      }
      if rest.starts(with: "$${".unicodeScalars) {
        plain += "${"
        rest = rest.dropFirst(3)
        continue
      }
      guard rest.starts(with: "${".unicodeScalars) else {
        plain.unicodeScalars.append(rest.removeFirst())
        continue
      }
      guard let end = rest.firstIndex(of: "}") else { throw Problem(message: "`${` is not closed in `\(text)`") }
      let inner = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
      let name = String(inner.trimmed)
      guard isName(name) else { throw Problem(message: "`${\(inner)}` is not a name in `\(text)`") }
      if !plain.isEmpty { parts.append(.text(plain)) }
      plain = ""
      parts.append(.expression(name))
      rest = rest[rest.index(after: end)...]
    }
    if !plain.isEmpty || parts.isEmpty { parts.append(.text(plain)) }
    return parts
  }

  /// Letters, digits, `_`, `-` in parts joined by dots.
  private static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.allSatisfy { part in
      !part.isEmpty
        && part.unicodeScalars.allSatisfy {
          $0 == "_" || $0 == "-" || ("0"..."9").contains($0) || ("a"..."z").contains($0) || ("A"..."Z").contains($0)
        }
    }
  }

  /// The variables that a document mentions, for finding those that nobody uses.
  static func variables(in node: Node, into names: inout Set<String>) {
    switch node.content {
    case .string(let text) where mayHold(text):
      guard let parts = try? parse(text) else { return }  // reported where the text is used
      for case .expression(let name) in parts {
        let path = name.split(separator: ".")
        if path.count > 1, path[0] == "vars" { names.insert(String(path[1])) } else { names.insert(String(path[0])) }
      }
    case .sequence(let items): for item in items { variables(in: item, into: &names) }
    case .mapping(let entries): for entry in entries { variables(in: entry.value, into: &names) }
    default: break
    }
  }
}
