import Basics

/// One option of a network in a file, such as `base_channels: 32`.
public struct ModelOption: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case bool
    case int(ClosedRange<Int>)
    case intChoice([Int])
    case double(ClosedRange<Double>)
    case choice([String])
    /// A list of integers, each in the range.
    case ints(ClosedRange<Int>)
  }

  public let name: String
  public let kind: Kind
  public let defaultValue: JSON
  public let doc: String

  public static func bool(_ name: String, _ value: Bool, _ doc: String) -> ModelOption {
    ModelOption(name: name, kind: .bool, defaultValue: .bool(value), doc: doc)
  }
  public static func int(_ name: String, _ value: Int, _ range: ClosedRange<Int>, _ doc: String) -> ModelOption {
    ModelOption(name: name, kind: .int(range), defaultValue: .int(value), doc: doc)
  }
  public static func int(_ name: String, _ value: Int, among choices: [Int], _ doc: String) -> ModelOption {
    ModelOption(name: name, kind: .intChoice(choices), defaultValue: .int(value), doc: doc)
  }
  public static func double(
    _ name: String, _ value: Double, _ range: ClosedRange<Double>, _ doc: String
  ) -> ModelOption {
    ModelOption(name: name, kind: .double(range), defaultValue: .double(value), doc: doc)
  }
  public static func choice(_ name: String, _ value: String, among choices: [String], _ doc: String) -> ModelOption {
    ModelOption(name: name, kind: .choice(choices), defaultValue: .string(value), doc: doc)
  }
  public static func ints(_ name: String, _ value: [Int], each range: ClosedRange<Int>, _ doc: String) -> ModelOption {
    ModelOption(name: name, kind: .ints(range), defaultValue: .array(value.map(JSON.int)), doc: doc)
  }

  /// For networks that correct a bicubic map.
  static let zeroHead = ModelOption.bool(
    "zero_head", false, "Starts the last layer at zero, so that training begins at plain bicubic.")
  /// For networks that take depth maps and photos alike.
  static let imageChannels = ModelOption.int("image_channels", 1, among: [1, 3], "1 for depth, 3 for RGB.")
  /// For networks that work at the output's size.
  static let enlargement = ModelOption.int(
    "scale", 4, 1...64, "Bicubic enlargement before the first layer; 1 for none.")

  /// Says why a value does not fit, such as `must be 1...64, not 0`; nil when it does.
  public func problem(with value: JSON) -> String? {
    func text(_ value: JSON) -> String { value.stringValue.map { "`\($0)`" } ?? value.canonical }
    func wrong(_ expected: String) -> String { "must be \(expected), not \(text(value))" }
    switch kind {
    case .bool: return value.boolValue == nil ? wrong("true or false") : nil
    case .int(let range):
      guard let number = value.intValue else { return wrong("an integer") }
      return range.contains(number) ? nil : wrong("\(range.lowerBound)...\(range.upperBound)")
    case .intChoice(let choices):
      return value.intValue.map(choices.contains) == true
        ? nil : wrong("one of \(choices.map(String.init).joined(separator: ", "))")
    case .double(let range):
      guard let number = value.doubleValue else { return wrong("a number") }
      return range.contains(number) ? nil : wrong("\(range.lowerBound)...\(range.upperBound)")
    case .choice(let choices):
      return value.stringValue.map(choices.contains) == true ? nil : wrong("one of \(choices.joined(separator: ", "))")
    case .ints(let range):
      guard let items = value.arrayValue, items.allSatisfy({ $0.intValue != nil }) else {
        return wrong("a list of integers")
      }
      return items.compactMap(\.intValue).allSatisfy(range.contains)
        ? nil : wrong("a list of integers \(range.lowerBound)...\(range.upperBound)")
    }
  }
}

/// The options of one description, defaults filled in, each of its kind and in its range.
public struct ModelOptions: Sendable {
  public let type: String
  public let values: [String: JSON]

  /// - Precondition: each value fits its option, as `ModelKind.options(of:)` makes sure.
  init(type: String, values: [String: JSON]) { (self.type, self.values) = (type, values) }

  public func int(_ name: String) -> Int { read(name, \.intValue) }
  public func double(_ name: String) -> Double { read(name, \.doubleValue) }
  public func bool(_ name: String) -> Bool { read(name, \.boolValue) }
  public func string(_ name: String) -> String { read(name, \.stringValue) }
  public func ints(_ name: String) -> [Int] { read(name, \.arrayValue).compactMap(\.intValue) }

  private func read<Value>(_ name: String, _ value: (JSON) -> Value?) -> Value {
    guard let value = values[name].flatMap(value) else {
      preconditionFailure("the row of `\(type)` has no option `\(name)` of this kind")
    }
    return value
  }
}
