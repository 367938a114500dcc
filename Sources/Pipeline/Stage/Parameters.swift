import Basics

/// The shape of a parameter's value: what the JSON Schema, the reference pages and the error messages are made from.
public indirect enum ParameterType: Hashable, Sendable {
  case bool
  case int(ClosedRange<Int>?)
  case double(ClosedRange<Double>?)
  case string
  case choice([String])
  case list(ParameterType)
  case map(ParameterType)
  case optional(ParameterType)
  case object([ParameterDescription])
  /// A file or folder of the user's; resolved against the file that wrote it. Never part of a key: the contents are.
  case path
  /// A duration such as `90s`, `8h`; canonical value in seconds.
  case duration
  /// A size such as `16GB`, `512MiB`; canonical value in bytes.
  case byteCount
  case any
}

/// One parameter as people see it.
public struct ParameterDescription: Hashable, Sendable {
  public var name: String
  public var type: ParameterType
  public var doc: String
  public var unit: String?
  /// Canonical JSON of the default; nil when the parameter is required.
  public var defaultValue: JSON?
}

/// A value that can be written in a pipeline file.
public protocol ParameterValue: Hashable, Sendable {
  static var parameterType: ParameterType { get }
  /// - Throws: `ParameterProblems` with every problem found below this node.
  init(parameter node: Node) throws
  /// The canonical value that enters the key; nil when the value must not (paths).
  var parameterJSON: JSON? { get }
}

/// Everything wrong below one node.
public struct ParameterProblems: Error, Sendable {
  public var diagnostics: [Diagnostic]
  public init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
  public init(_ message: String, at node: Node, help: String? = nil) {
    diagnostics = [Diagnostic(message, at: node.mark, help: help)]
  }

  /// The value, or nil with its problems kept, so that the next element is looked at too.
  static func collect<Value>(
    into problems: inout [Diagnostic], _ read: (Node) throws -> Value, _ node: Node
  ) throws -> Value? {
    do {
      return try read(node)
    } catch let found as ParameterProblems {
      problems += found.diagnostics
      return nil
    }
  }
}

/// One field of a parameter struct: its name in YAML, its documentation and the key path that holds it.
public struct ParameterField<Root>: Sendable {
  public let name: String
  public let doc: String
  public let unit: String?
  public let required: Bool
  public let type: ParameterType
  let read: @Sendable (Root) -> JSON?
  let write: @Sendable (inout Root, Node) throws -> Void

  /// - Parameters:
  ///   - name: the key in YAML, in snake_case.
  ///   - path: where the value is kept.
  ///   - doc: one sentence for the reference page.
  ///   - unit: for example `px`.
  ///   - required: true when there is no sensible default.
  ///   - type: a narrower type than the value's own, such as `.int(1...64)`.
  ///   - check: returns a message when the value is not acceptable.
  public init<Value: ParameterValue>(
    _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ doc: String, unit: String? = nil,
    required: Bool = false, type: ParameterType? = nil, check: (@Sendable (Value) -> String?)? = nil
  ) {
    self.name = name
    self.doc = doc
    self.unit = unit
    self.required = required
    self.type = type ?? Value.parameterType
    let narrowed = type
    read = { $0[keyPath: path].parameterJSON }
    write = { root, node in
      let value = try Value(parameter: node)
      if let message = narrowed?.violation(by: value.parameterJSON) ?? check?(value) {
        throw ParameterProblems("`\(name)` \(message)", at: node)
      }
      root[keyPath: path] = value
    }
  }
}

extension ParameterType {
  /// Says why a number is outside this type's range; nil when it is not.
  func violation(by value: JSON?) -> String? {
    switch (self, value) {
    case (.int(let range?), .int(let x)) where !range.contains(x):
      "must be \(range.lowerBound)...\(range.upperBound), not \(x)"
    case (.double(let range?), let x?):
      x.doubleValue.flatMap {
        range.contains($0) ? nil : "must be \(range.lowerBound)...\(range.upperBound), not \($0)"
      }
    case (.optional(let inner), let x?) where x != .null: inner.violation(by: x)
    case (.list(let inner), .array(let items)): items.lazy.compactMap { inner.violation(by: $0) }.first
    default: nil
    }
  }
}

/// The typed parameters of a stage, or a group of them inside another. A plain struct with a default for every field:
///
///     struct Parameters: StageParameters {
///       var size = 512
///       static let fields: [ParameterField<Self>] = [
///         .init("size", \.size, "Side of the square crop.", unit: "px", type: .int(16...8192))
///       ]
///     }
///
/// All resolved values, defaults included, enter the stage's key.
public protocol StageParameters: ParameterValue {
  init()
  static var fields: [ParameterField<Self>] { get }
  /// Checks that concern several fields together; returns what is wrong.
  func validate() -> [String]
}

extension StageParameters {
  public func validate() -> [String] { [] }

  public static var descriptions: [ParameterDescription] {
    let defaults = Self()
    return fields.map { field in
      ParameterDescription(
        name: field.name, type: field.type, doc: field.doc, unit: field.unit,
        defaultValue: field.required ? nil : (field.read(defaults) ?? .null))
    }
  }

  public static var parameterType: ParameterType { .object(descriptions) }

  public var parameterJSON: JSON? {
    var members: [String: JSON] = [:]
    for field in Self.fields { if let value = field.read(self) { members[field.name] = value } }
    return .object(members)
  }

  public init(parameter node: Node) throws {
    self.init()
    let entries: [Node.Entry]
    switch node.content {
    case .mapping(let found): entries = found
    case .null: entries = []
    default: throw ParameterProblems("expected a map of parameters, found \(node.found)", at: node)
    }
    var problems: [Diagnostic] = []
    for entry in entries {
      guard let field = Self.fields.first(where: { $0.name == entry.key }) else {
        problems.append(
          Diagnostic(
            "unknown parameter `\(entry.key)`", at: entry.keyMark ?? entry.value.mark,
            help: suggestion(for: entry.key, among: Self.fields.map(\.name))))
        continue
      }
      do {
        try field.write(&self, entry.value)
      } catch let found as ParameterProblems {
        problems += found.diagnostics
      }
    }
    for field in Self.fields where field.required && !entries.contains(where: { $0.key == field.name }) {
      problems.append(Diagnostic("missing parameter `\(field.name)`: \(field.doc)", at: node.mark))
    }
    if problems.isEmpty { problems += validate().map { Diagnostic($0, at: node.mark) } }
    if !problems.isEmpty { throw ParameterProblems(problems) }
  }
}

/// No parameters at all.
public struct NoParameters: StageParameters {
  public static let fields: [ParameterField<Self>] = []
  public init() {}
}

// MARK: - Values

extension Int: ParameterValue {
  public static var parameterType: ParameterType { .int(nil) }
  public init(parameter node: Node) throws {
    switch node.content {
    case .int(let value): self = value
    case .double(let value) where value == value.rounded() && abs(value) < 1e15: self = Int(value)
    default: throw ParameterProblems("expected an integer, found \(node.found)", at: node)
    }
  }
  public var parameterJSON: JSON? { .int(self) }
}

extension Double: ParameterValue {
  public static var parameterType: ParameterType { .double(nil) }
  public init(parameter node: Node) throws {
    switch node.content {
    case .int(let value): self = Double(value)
    case .double(let value): self = value
    default: throw ParameterProblems("expected a number, found \(node.found)", at: node)
    }
  }
  public var parameterJSON: JSON? { .double(self) }
}

extension Bool: ParameterValue {
  public static var parameterType: ParameterType { .bool }
  public init(parameter node: Node) throws {
    guard case .bool(let value) = node.content else {
      throw ParameterProblems("expected true or false, found \(node.found)", at: node)
    }
    self = value
  }
  public var parameterJSON: JSON? { .bool(self) }
}

extension String: ParameterValue {
  public static var parameterType: ParameterType { .string }
  public init(parameter node: Node) throws {
    if node.isSubstituted, let text = Substitution.text(node) {
      self = text
      return
    }
    guard case .string(let value) = node.content else {
      throw ParameterProblems("expected a string, found \(node.found)", at: node, help: "put it in quotes")
    }
    self = value
  }
  public var parameterJSON: JSON? { .string(self) }
}

extension Array: ParameterValue where Element: ParameterValue {
  public static var parameterType: ParameterType { .list(Element.parameterType) }
  public init(parameter node: Node) throws {
    guard case .sequence(let items) = node.content else {
      throw ParameterProblems("expected a list, found \(node.found)", at: node)
    }
    var problems: [Diagnostic] = []
    self = try items.compactMap { try ParameterProblems.collect(into: &problems, Element.init, $0) }
    if !problems.isEmpty { throw ParameterProblems(problems) }
  }
  public var parameterJSON: JSON? { .array(compactMap(\.parameterJSON)) }
}

extension Dictionary: ParameterValue where Key == String, Value: ParameterValue {
  public static var parameterType: ParameterType { .map(Value.parameterType) }
  public init(parameter node: Node) throws {
    guard case .mapping(let entries) = node.content else {
      throw ParameterProblems("expected a map, found \(node.found)", at: node)
    }
    self = [:]
    var problems: [Diagnostic] = []
    for entry in entries {
      self[entry.key] = try ParameterProblems.collect(into: &problems, Value.init, entry.value)
    }
    if !problems.isEmpty { throw ParameterProblems(problems) }
  }
  public var parameterJSON: JSON? { .object(compactMapValues(\.parameterJSON)) }
}

extension Optional: ParameterValue where Wrapped: ParameterValue {
  public static var parameterType: ParameterType { .optional(Wrapped.parameterType) }
  public init(parameter node: Node) throws {
    if case .null = node.content { self = nil } else { self = try Wrapped(parameter: node) }
  }
  public var parameterJSON: JSON? { map { $0.parameterJSON } ?? .null }
}

extension JSON: ParameterValue {
  public static var parameterType: ParameterType { .any }
  public init(parameter node: Node) throws { self = node.json.withWholeNumbers }
  public var parameterJSON: JSON? { self }

  /// Reading JSON text cannot tell `2.0` from `2`; a free-form parameter must not change when it is frozen and read back.
  private var withWholeNumbers: JSON {
    switch self {
    case .double(let value) where value == value.rounded() && abs(value) < 0x1p53: .int(Int(value))
    case .array(let items): .array(items.map(\.withWholeNumbers))
    case .object(let members): .object(members.mapValues(\.withWholeNumbers))
    default: self
    }
  }
}

/// A choice among named cases; the raw values are what a file writes.
public protocol ParameterChoice: ParameterValue, RawRepresentable, CaseIterable where RawValue == String {}

extension ParameterChoice {
  public static var parameterType: ParameterType { .choice(allCases.map(\.rawValue)) }
  public init(parameter node: Node) throws {
    let choices = Self.allCases.map(\.rawValue)
    guard case .string(let text) = node.content, let value = Self(rawValue: text) else {
      let found: String
      switch node.json {
      case .string(let text): found = "`\(text)`"
      default: found = node.typeName
      }
      throw ParameterProblems(
        "expected one of \(choices.joined(separator: ", ")), found \(found)", at: node,
        help: node.json.stringValue.flatMap { suggestion(for: $0, among: choices) })
    }
    self = value
  }
  public var parameterJSON: JSON? { .string(rawValue) }
}

/// A file or folder of the user's, as an absolute path once the file that wrote it is known. Paths never enter keys.
public struct UserPath: ParameterValue, CustomStringConvertible {
  public var path: String
  public init(_ path: String) { self.path = path }
  public static var parameterType: ParameterType { .path }
  public init(parameter node: Node) throws { path = try String(parameter: node) }
  public var parameterJSON: JSON? { nil }
  public var description: String { path }
}

/// The nearest name within an edit distance of a third of its length, as `did you mean …?`, or the list of choices.
public func suggestion(for name: String, among choices: [String]) -> String? {
  guard !choices.isEmpty else { return nil }
  let ranked = choices.map { ($0, editDistance(name.lowercased(), $0.lowercased())) }.sorted { $0.1 < $1.1 }
  if let (best, distance) = ranked.first, distance <= max(1, min(name.count, best.count) / 3) {
    return "did you mean `\(best)`?"
  }
  return "choose one of: \(choices.sorted().joined(separator: ", "))"
}

/// Levenshtein distance in characters, transpositions counted as one.
func editDistance(_ a: String, _ b: String) -> Int {
  let x = Array(a.prefix(64))
  let y = Array(b.prefix(64))
  var rows = [[Int]](repeating: [Int](repeating: 0, count: y.count + 1), count: x.count + 1)
  for i in 0...x.count { rows[i][0] = i }
  for j in 0...y.count { rows[0][j] = j }
  guard !x.isEmpty, !y.isEmpty else { return max(x.count, y.count) }
  for i in 1...x.count {
    for j in 1...y.count {
      let cost = x[i - 1] == y[j - 1] ? 0 : 1
      rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
      if i > 1, j > 1, x[i - 1] == y[j - 2], x[i - 2] == y[j - 1] {
        rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
      }
    }
  }
  return rows[x.count][y.count]
}
