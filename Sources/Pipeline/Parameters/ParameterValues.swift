import Basics

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
    if node.isSubstituted, let text = node.text {
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
    let text = try ParameterType.choose(node, among: Self.allCases.map(\.rawValue))
    guard let value = Self(rawValue: text) else { preconditionFailure("a choice is the raw value of its case") }
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
