/// The fields of a JSON record, read strictly: a field that is absent or of another type is an error that names it, never a
/// default. What a record may lack, its reader says with `readIfPresent`.
public struct RecordFields {
  private let members: [String: JSON]

  /// - Throws: `RecordProblem` for a value that is no object.
  public init(_ record: JSON) throws {
    guard case .object(let members) = record else { throw RecordProblem("is not an object but \(record.kind)") }
    self.members = members
  }

  /// - Throws: `RecordProblem` naming the field when it is absent or its value is not one of these.
  public func read<Value: RecordValue>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    guard let value = members[name] else { throw RecordProblem("is missing", path: [name]) }
    return try RecordProblem.at(name) { try Value(record: value) }
  }

  /// The value of a field that older versions did not write, or that is written only where it says something; nil when the
  /// field is absent.
  /// - Throws: `RecordProblem` naming the field when its value is not one of these.
  public func readIfPresent<Value: RecordValue>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
    guard let value = members[name] else { return nil }
    return try RecordProblem.at(name) { try Value(record: value) }
  }

  /// A value that is read with more than its own JSON.
  /// - Throws: `RecordProblem` naming the field when it is absent or no object, or what `body` throws.
  public func readNested<Value>(_ name: String, _ body: (RecordFields) throws -> Value) throws -> Value {
    let value: JSON = try read(name)
    return try RecordProblem.at(name) { try body(RecordFields(value)) }
  }
}

/// A type whose values are read from records, exactly: nothing is converted, nothing is left out.
public protocol RecordValue {
  /// - Throws: `RecordProblem` for any other value.
  init(record: JSON) throws
}

extension JSON {
  /// The type of the value, for messages.
  fileprivate var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .int: "an integer"
    case .double: "a number"
    case .string: "text"
    case .array: "a list"
    case .object: "an object"
    }
  }

  fileprivate func required<Value>(_ value: Value?, _ expected: String) throws -> Value {
    guard let value else { throw RecordProblem("is not \(expected) but \(kind)") }
    return value
  }
}

extension JSON: RecordValue {
  public init(record: JSON) { self = record }
}

extension String: RecordValue {
  public init(record: JSON) throws { self = try record.required(record.stringValue, "text") }
}

extension Bool: RecordValue {
  public init(record: JSON) throws { self = try record.required(record.boolValue, "true or false") }
}

extension Int: RecordValue {
  public init(record: JSON) throws { self = try record.required(record.intValue, "an integer") }
}

extension Double: RecordValue {
  public init(record: JSON) throws { self = try record.required(record.doubleValue, "a number") }
}

/// Written as text, because JSON's numbers have a sign.
extension UInt64: RecordValue {
  public init(record: JSON) throws {
    self = try record.required(record.stringValue.flatMap { UInt64($0) }, "a number of 64 bits written as text")
  }
}

extension Digest: RecordValue {
  public init(record: JSON) throws {
    self = try record.required(record.stringValue.flatMap(Digest.init(hex:)), "a digest of 64 hexadecimal digits")
  }
}

extension RecordValue where Self: RawRepresentable, RawValue == String {
  public init(record: JSON) throws {
    let text = try String(record: record)
    guard let value = Self(rawValue: text) else {
      throw RecordProblem("is `\(text)`, which this version does not know")
    }
    self = value
  }
}

/// `null` is nil.
extension Optional: RecordValue where Wrapped: RecordValue {
  public init(record: JSON) throws { self = record == .null ? nil : try Wrapped(record: record) }
}

extension Array: RecordValue where Element: RecordValue {
  public init(record: JSON) throws {
    guard case .array(let items) = record else { throw RecordProblem("is not a list") }
    self = []
    reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      append(try RecordProblem.at("[\(index)]") { try Element(record: item) })
    }
  }
}

extension Dictionary: RecordValue where Key == String, Value: RecordValue {
  public init(record: JSON) throws {
    guard case .object(let members) = record else { throw RecordProblem("is not an object") }
    self = Dictionary(minimumCapacity: members.count)
    for (name, value) in members { self[name] = try RecordProblem.at(name) { try Value(record: value) } }
  }
}
