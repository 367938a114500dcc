import Basics

/// A duration written with its unit: `90s`, `1h30m`, `8h`, `2d`. Canonical value in seconds.
public struct TimeSpan: ParameterValue {
  public var seconds: Double
  public init(seconds: Double) { self.seconds = seconds }
  public static var parameterType: ParameterType { .duration }
  public var parameterJSON: JSON? { .double(seconds) }

  static let units: [(String, Double)] = [
    ("ms", 0.001), ("s", 1), ("min", 60), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800),
  ]

  public init(parameter node: Node) throws {
    // A canonical value read back from JSON has no mark and no unit.
    if node.mark == nil, let seconds = node.json.doubleValue {
      self.seconds = seconds
      return
    }
    let help = "write a number and a unit, such as `90s`, `30min`, `8h`, `1h30m`, `2d`"
    guard case .string(let text) = node.content else {
      let found = node.json.doubleValue == nil ? node.typeName : "`\(node.json.canonical)`, which has no unit"
      throw ParameterProblems("expected a duration, found \(found)", at: node, help: help)
    }
    guard let parts = Quantity.parse(text), !parts.isEmpty else {
      throw ParameterProblems("`\(text)` is not a duration", at: node, help: help)
    }
    var seconds = 0.0
    for part in parts {
      guard let factor = TimeSpan.units.first(where: { $0.0 == part.unit })?.1 else {
        throw ParameterProblems("`\(part.unit)` is not a unit of time in `\(text)`", at: node, help: help)
      }
      seconds += part.value * factor
    }
    guard seconds > 0, seconds.isFinite else {
      throw ParameterProblems("a duration must be longer than nothing, not `\(text)`", at: node)
    }
    self.seconds = seconds
  }
}

/// A size written with its unit: `16GB` (10^9), `512MiB` (2^20). Canonical value in bytes.
public struct ByteCount: ParameterValue {
  public var bytes: Int
  public init(bytes: Int) { self.bytes = bytes }
  public static var parameterType: ParameterType { .byteCount }
  public var parameterJSON: JSON? { .int(bytes) }

  static let units: [(String, Double)] = [
    ("B", 1), ("KB", 1e3), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("KiB", 0x1p10), ("MiB", 0x1p20),
    ("GiB", 0x1p30), ("TiB", 0x1p40),
  ]

  public init(parameter node: Node) throws {
    if node.mark == nil, let bytes = node.json.intValue {
      self.bytes = bytes
      return
    }
    let help = "write a number and a unit, such as `512MB`, `16GB`, `16GiB`"
    guard case .string(let text) = node.content else {
      let found = node.json.doubleValue == nil ? node.typeName : "`\(node.json.canonical)`, which has no unit"
      throw ParameterProblems("expected a size, found \(found)", at: node, help: help)
    }
    guard let parts = Quantity.parse(text), parts.count == 1 else {
      throw ParameterProblems("`\(text)` is not a size", at: node, help: help)
    }
    guard let factor = ByteCount.units.first(where: { $0.0 == parts[0].unit })?.1 else {
      throw ParameterProblems(
        "`\(parts[0].unit)` is not a unit of size in `\(text)`", at: node,
        help: suggestion(for: parts[0].unit, among: ByteCount.units.map(\.0)))
    }
    let bytes = parts[0].value * factor
    guard bytes >= 1, bytes < 0x1p62 else {
      throw ParameterProblems("`\(text)` is not a size that a machine can have", at: node)
    }
    self.bytes = Int(bytes.rounded())
  }
}

enum Quantity {
  /// Splits `1h30m` into numbers and units; nil when the text is not of that form.
  static func parse(_ text: String) -> [(value: Double, unit: String)]? {
    var parts: [(Double, String)] = []
    var rest = Substring(text.trimmed)
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count).drop { $0 == " " }
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count).drop { $0 == " " }
      guard let value = Double(number), !unit.isEmpty else { return nil }
      parts.append((value, String(unit)))
    }
    return parts
  }
}
