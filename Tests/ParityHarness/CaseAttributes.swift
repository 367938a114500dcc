import Basics
import Foundation

/// The attributes of a case, read with their ranges: an attribute that is absent, of another type or out of range is an error
/// that names it, never a value that the library would trap on.
extension ParityCase {
  private func wrong(_ attribute: String, _ expected: String) -> ParityError {
    guard let value = attributes[attribute] else {
      return ParityError("the attribute `\(attribute)` is missing: \(expected)")
    }
    return ParityError("the attribute `\(attribute)` is \(value.canonical.prefix(80)), but must be \(expected)")
  }

  func has(_ attribute: String) -> Bool { attributes[attribute].map { $0 != .null } ?? false }

  func int(_ attribute: String, default standard: Int? = nil, in range: ClosedRange<Int> = 0...4096) throws -> Int {
    if !has(attribute), let standard { return standard }
    let value = attributes[attribute]
    guard let found = value?.intValue ?? value?.doubleValue.flatMap({ Int(exactly: $0) }), range.contains(found) else {
      throw wrong(attribute, "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return found
  }

  func double(
    _ attribute: String, default standard: Double? = nil, in range: ClosedRange<Double> = -1e12...1e12
  ) throws -> Double {
    if !has(attribute), let standard { return standard }
    guard let found = attributes[attribute]?.doubleValue, range.contains(found) else {
      throw wrong(attribute, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return found
  }

  func float(_ attribute: String, default standard: Double? = nil) throws -> Float {
    Float(try double(attribute, default: standard))
  }

  func bool(_ attribute: String, default standard: Bool? = nil) throws -> Bool {
    if !has(attribute), let standard { return standard }
    guard let found = attributes[attribute]?.boolValue else { throw wrong(attribute, "true or false") }
    return found
  }

  func text(_ attribute: String, default standard: String? = nil) throws -> String {
    if !has(attribute), let standard { return standard }
    guard let found = attributes[attribute]?.stringValue else { throw wrong(attribute, "a text") }
    return found
  }

  /// - Parameter count: how many there must be; nil for any number but none.
  func ints(
    _ attribute: String, count: Int? = nil, default standard: [Int]? = nil, in range: ClosedRange<Int> = 0...4096
  ) throws -> [Int] {
    if !has(attribute), let standard { return standard }
    let found = attributes[attribute]?.arrayValue?.map(\.intValue) ?? []
    guard !found.isEmpty, count.map({ $0 == found.count }) ?? true,
      found.allSatisfy({ $0.map(range.contains) ?? false })
    else {
      throw wrong(
        attribute, "a list of \(count.map { "\($0) " } ?? "")integers from \(range.lowerBound) to \(range.upperBound)")
    }
    return found.compactMap { $0 }
  }

  func doubles(_ attribute: String, count: Int) throws -> [Double] {
    let found = attributes[attribute]?.arrayValue?.map(\.doubleValue) ?? []
    guard found.count == count, found.allSatisfy({ $0 != nil }) else {
      throw wrong(attribute, "a list of \(count) numbers")
    }
    return found.compactMap { $0 }
  }

  /// One integer for both axes, which `cases.json` may give as a pair of equal numbers.
  /// - Throws: `ParityUnsupported` for a pair of different ones.
  func sameForBothAxes(_ attribute: String, default standard: Int, in range: ClosedRange<Int>) throws -> Int {
    guard attributes[attribute]?.arrayValue != nil else { return try int(attribute, default: standard, in: range) }
    let pair = try ints(attribute, count: 2, in: range)
    guard pair[0] == pair[1] else {
      throw ParityUnsupported("`\(attribute)` must be the same for rows and columns, not \(pair)")
    }
    return pair[0]
  }

  /// The first number that a regular expression's group finds in a text attribute, such as 4 in "sigmoid(4*x)".
  /// - Returns: `standard` where the attribute or the match is absent.
  func number(in attribute: String, _ pattern: String, default standard: Double) throws -> Double {
    guard let text = attributes[attribute]?.stringValue else { return standard }
    return try firstNumber(in: text, pattern) ?? standard
  }

  func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw ParityError(message()) }
  }

  func supports(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw ParityUnsupported(message()) }
  }

  /// That an attribute is absent or has the one value that the library offers.
  func supportsOnly(_ attribute: String, _ values: JSON...) throws {
    guard let found = attributes[attribute], found != .null else { return }
    if values.contains(where: { $0 == found || ($0.doubleValue != nil && $0.doubleValue == found.doubleValue) }) {
      return
    }
    throw ParityUnsupported("`\(attribute)` \(found.canonical.prefix(80)) is not offered")
  }
}

/// A floating-point number in a regular expression, with its sign and exponent; alone and as a group.
let plainNumberPattern = #"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"#
let numberPattern = "(\(plainNumberPattern))"

func firstNumber(in text: String, _ pattern: String) throws -> Double? {
  let expression = try NSRegularExpression(pattern: pattern)
  let whole = NSRange(text.startIndex..., in: text)
  guard let match = expression.firstMatch(in: text, range: whole), let range = Range(match.range(at: 1), in: text)
  else {
    return nil
  }
  return Double(text[range])
}
