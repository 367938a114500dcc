import Basics

/// A value that can be written in a pipeline file.
public protocol ParameterValue: Hashable, Sendable {
  static var parameterType: ParameterType { get }
  /// - Throws: `ParameterProblems` with every problem found below this node.
  init(parameter node: Node) throws
  /// The canonical value that enters the key; nil when the value must not (paths).
  var parameterJSON: JSON? { get }
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
  /// The word for a field in messages: `parameter`, or `key` where a file's own sections are read.
  static var fieldTerm: String { get }
  /// Checks that concern several fields together; returns what is wrong.
  func validate() -> [String]
}

extension StageParameters {
  public static var fieldTerm: String { "parameter" }
  public func validate() -> [String] { [] }

  public static var descriptions: [ParameterDescription] {
    let defaults = Self()
    return fields.map { field in
      ParameterDescription(
        name: field.name, type: field.type, doc: field.doc, unit: field.unit,
        defaultValue: field.required ? nil : (field.value(defaults) ?? .null))
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
            "unknown \(Self.fieldTerm) `\(entry.key)`", at: entry.keyMark ?? entry.value.mark,
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
      problems.append(Diagnostic("missing \(Self.fieldTerm) `\(field.name)`: \(field.doc)", at: node.mark))
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
