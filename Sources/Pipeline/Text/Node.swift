import Basics

/// A value read from a pipeline file, which still knows where it stood. Scalars are already typed by the YAML 1.2 core
/// schema (`no`, `on` and `1:30` are strings).
public struct Node: Sendable {
  public indirect enum Content: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case sequence([Node])
    case mapping([Entry])
  }

  public struct Entry: Sendable {
    public var key: String
    public var keyMark: Mark?
    public var value: Node

    public init(key: String, keyMark: Mark? = nil, value: Node) {
      self.key = key
      self.keyMark = keyMark
      self.value = value
    }
  }

  public var content: Content
  /// Nil for values that no file wrote: defaults, `--set` (which uses a mark of its own) and values read from JSON.
  public var mark: Mark?
  /// Written with the tag `!replace`: takes the place of the base file's value instead of being merged into it.
  public var replaces = false
  /// The value of a `${...}` that stood alone: a number or truth value then also serves where a string is wanted.
  public var isSubstituted = false

  public init(_ content: Content, mark: Mark? = nil) {
    self.content = content
    self.mark = mark
  }

  public init(_ json: JSON) {
    // Spelt out: `.null` alone would mean `JSON.null` and call this initialiser again.
    let content: Content =
      switch json {
      case .null: .null
      case .bool(let value): .bool(value)
      case .int(let value): .int(value)
      case .double(let value): .double(value)
      case .string(let value): .string(value)
      case .array(let items): .sequence(items.map { Node($0) })
      case .object(let members):
        .mapping(members.sorted { $0.key < $1.key }.map { Entry(key: $0.key, value: Node($0.value)) })
      }
    self.init(content, mark: nil)
  }

  /// The value without its marks.
  public var json: JSON {
    switch content {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .double(let value): .double(value)
    case .string(let value): .string(value)
    case .sequence(let items): .array(items.map(\.json))
    case .mapping(let entries):
      .object(Dictionary(entries.map { ($0.key, $0.value.json) }, uniquingKeysWith: { first, _ in first }))
    }
  }

  /// The value's type in plain words.
  public var typeName: String {
    switch content {
    case .null: "null"
    case .bool: "a truth value"
    case .int: "an integer"
    case .double: "a number"
    case .string: "a string"
    case .sequence: "a list"
    case .mapping: "a map"
    }
  }

  /// The value as error messages quote it: `` `big`, a string `` or `a list`.
  public var found: String {
    switch content {
    case .bool, .int, .double: "`\(json.canonical)`, \(typeName)"
    case .string(let text): text.count <= 60 ? "`\(text)`, a string" : "a string"
    default: typeName
    }
  }

  /// A scalar as it would be written; nil for null, lists and maps.
  var text: String? {
    switch content {
    case .string(let text): text
    case .bool, .int, .double: json.canonical
    default: nil
    }
  }

  public subscript(key: String) -> Node? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }?.value
  }
}
