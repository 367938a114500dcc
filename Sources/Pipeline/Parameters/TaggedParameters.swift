import Basics

/// A map in which one field, the tag, decides which others there are: `{ type: edsr, blocks: 32 }`.
public struct TaggedParameters: Hashable, Sendable {
  /// One value of the tag and the fields that belong to it.
  public struct Case: Hashable, Sendable {
    public var name: String
    public var doc: String
    public var fields: [ParameterDescription]

    public init(_ name: String, _ doc: String, fields: [ParameterDescription]) {
      (self.name, self.doc, self.fields) = (name, doc, fields)
    }
  }

  /// The field that decides, such as `type`.
  public var tag: String
  /// The meaning of the tag in one sentence.
  public var doc: String
  public var cases: [Case]
  /// The case of a map without the tag; nil: the tag is required.
  public var standard: String?
  /// Whether the name of a case may stand in place of the map.
  public var isNameEnough: Bool

  public init(tag: String, doc: String, cases: [Case], standard: String? = nil, isNameEnough: Bool = false) {
    (self.tag, self.doc, self.cases) = (tag, doc, cases)
    (self.standard, self.isNameEnough) = (standard, isNameEnough)
  }

  /// The case that a value is of, and its fields as written, once each is known and of its type.
  /// - Throws: `ParameterProblems` with every problem found.
  public func check(_ node: Node) throws -> (case: Case, fields: [Node.Entry]) {
    if isNameEnough, case .string = node.content { return (try find(node), []) }
    guard case .mapping(let entries) = node.content else {
      let name = isNameEnough ? "a name or " : ""
      throw ParameterProblems("expected \(name)a map with `\(tag)`, found \(node.found)", at: node)
    }
    let found: Case
    if let written = entries.first(where: { $0.key == tag }) {
      found = try find(written.value)
    } else if let standard, let first = cases.first(where: { $0.name == standard }) {
      found = first
    } else {
      throw ParameterProblems("missing parameter `\(tag)`: \(doc)", at: node)
    }
    let rest = entries.filter { $0.key != tag }
    let problems = ParameterType.problems(with: rest, in: found.fields, at: node, of: "`\(found.name)`")
    if !problems.isEmpty { throw ParameterProblems(problems) }
    return (found, rest)
  }

  private func find(_ node: Node) throws -> Case {
    try ParameterType.choice(cases.map(\.name)).check(node)
    let name = node.json.stringValue
    guard let found = cases.first(where: { $0.name == name }) else { preconditionFailure("it is one of the choices") }
    return found
  }
}

extension ParameterType {
  /// Checks a value of a type that is known only at run time.
  /// - Parameter name: of the field that holds it, for messages about its range.
  /// - Throws: `ParameterProblems`.
  func check(_ node: Node, name: String? = nil) throws {
    func inRange(_ value: JSON?) throws {
      guard let message = violation(by: value) else { return }
      throw ParameterProblems(name.map { "`\($0)` \(message)" } ?? message, at: node)
    }
    switch self {
    case .bool: _ = try Bool(parameter: node)
    case .int: try inRange(try Int(parameter: node).parameterJSON)
    case .double: try inRange(try Double(parameter: node).parameterJSON)
    case .string, .path: _ = try String(parameter: node)
    case .duration: _ = try TimeSpan(parameter: node)
    case .byteCount: _ = try ByteCount(parameter: node)
    case .any: break
    case .choice(let choices): try Self.choose(node, among: choices)
    case .intChoice(let choices):
      let value = try Int(parameter: node)
      guard choices.contains(value) else {
        let names = choices.map(String.init).joined(separator: ", ")
        throw ParameterProblems("expected one of \(names), found `\(value)`", at: node)
      }
    case .optional(let inner): if case .null = node.content { return } else { try inner.check(node, name: name) }
    case .list(let element):
      guard case .sequence(let items) = node.content else {
        throw ParameterProblems("expected a list, found \(node.found)", at: node)
      }
      var problems: [Diagnostic] = []
      for item in items {
        _ = try ParameterProblems.collect(into: &problems, { try element.check($0, name: name) }, item)
      }
      if !problems.isEmpty { throw ParameterProblems(problems) }
    case .map(let value):
      guard case .mapping(let entries) = node.content else {
        throw ParameterProblems("expected a map, found \(node.found)", at: node)
      }
      var problems: [Diagnostic] = []
      for entry in entries {
        _ = try ParameterProblems.collect(into: &problems, { try value.check($0, name: entry.key) }, entry.value)
      }
      if !problems.isEmpty { throw ParameterProblems(problems) }
    case .object(let fields):
      guard case .mapping(let entries) = node.content else {
        throw ParameterProblems("expected a map of parameters, found \(node.found)", at: node)
      }
      let problems = Self.problems(with: entries, in: fields, at: node, of: nil)
      if !problems.isEmpty { throw ParameterProblems(problems) }
    case .tagged(let tagged): _ = try tagged.check(node)
    }
  }

  /// Everything wrong with the entries of a map with these fields.
  /// - Parameter owner: of the fields, for messages; nil for plain parameters.
  static func problems(
    with entries: [Node.Entry], in fields: [ParameterDescription], at node: Node, of owner: String?
  ) -> [Diagnostic] {
    var problems: [Diagnostic] = []
    for entry in entries {
      guard let field = fields.first(where: { $0.name == entry.key }) else {
        let message = owner.map { "\($0) has no parameter `\(entry.key)`" } ?? "unknown parameter `\(entry.key)`"
        problems.append(
          Diagnostic(
            message, at: entry.keyMark ?? entry.value.mark,
            help: fields.isEmpty ? "it has none" : suggestion(for: entry.key, among: fields.map(\.name))))
        continue
      }
      do {
        try field.type.check(entry.value, name: field.name)
      } catch let found as ParameterProblems {
        problems += found.diagnostics
      } catch {
        problems.append(Diagnostic("\(error)", at: entry.value.mark))
      }
    }
    for field in fields where field.defaultValue == nil && !entries.contains(where: { $0.key == field.name }) {
      problems.append(Diagnostic("missing parameter `\(field.name)`: \(field.doc)", at: node.mark))
    }
    return problems
  }

  /// The text of a value that is one of the choices.
  /// - Throws: `ParameterProblems` with the nearest choice.
  @discardableResult
  static func choose(_ node: Node, among choices: [String]) throws -> String {
    if case .string(let text) = node.content, choices.contains(text) { return text }
    let found = node.json.stringValue.map { "`\($0)`" } ?? node.typeName
    throw ParameterProblems(
      "expected one of \(choices.joined(separator: ", ")), found \(found)", at: node,
      help: node.json.stringValue.flatMap { suggestion(for: $0, among: choices) })
  }
}
