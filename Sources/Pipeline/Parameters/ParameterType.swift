import Basics

/// The shape of a parameter's value: what the JSON Schema, the reference pages and the error messages are made from.
public indirect enum ParameterType: Hashable, Sendable {
  case bool
  case int(ClosedRange<Int>?)
  case double(ClosedRange<Double>?)
  case string
  case choice([String])
  case intChoice([Int])
  case list(ParameterType)
  case map(ParameterType)
  case optional(ParameterType)
  case object([ParameterDescription])
  case tagged(TaggedParameters)
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

  public init(name: String, type: ParameterType, doc: String, unit: String? = nil, defaultValue: JSON?) {
    (self.name, self.type, self.doc, self.unit, self.defaultValue) = (name, type, doc, unit, defaultValue)
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

extension ParameterType {
  /// Whether a value of this type can hold a path of the user's.
  var holdsPaths: Bool {
    switch self {
    case .path: true
    case .list(let inner), .map(let inner), .optional(let inner): inner.holdsPaths
    case .object(let fields): fields.contains { $0.type.holdsPaths }
    case .tagged(let tagged): tagged.cases.contains { $0.fields.contains { $0.type.holdsPaths } }
    default: false
    }
  }
}
