import Foundation

/// Writes numbers the same way everywhere, whatever the locale.
public enum Numbers {
  /// Fixed digits after the point: `46.20`; never `-0.00`; infinity as `∞`, no number as `–`.
  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    if value.isNaN { return "–" }
    if value.isInfinite { return value < 0 ? "−∞" : "∞" }
    let text = String(format: "%.\(decimals)f", value)
    return text.contains { $0 != "-" && $0 != "0" && $0 != "." } ? text : text.filter { $0 != "-" }
  }

  /// Fixed digits for plain-text results of stages: infinity and no number in letters, the sign of zero kept.
  public static func plain(_ value: Double, _ decimals: Int) -> String {
    value.isFinite ? String(format: "%.\(decimals)f", value) : (value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
  }

  /// As `fixed`, with the typographic minus, and a plus where `signed`.
  public static func display(_ value: Double, _ decimals: Int, signed: Bool = false) -> String {
    let text = fixed(value, decimals)
    if text.hasPrefix("-") { return "−" + text.dropFirst() }
    let isZero = !text.contains { $0 != "0" && $0 != "." }
    return signed && !isZero && !value.isNaN ? "+" + text : text
  }

  /// The shortest text that reads back to the same value, for files.
  public static func exact(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return value == value.rounded() && abs(value) < 1e15 ? String(format: "%.0f", value == 0 ? 0 : value) : "\(value)"
  }

  /// A few significant digits, for axis labels: `0.002`, `1.5`, `10`, `2e-05` outside 1e-4 ..< 1e6.
  public static func short(_ value: Double, digits: Int = 4) -> String {
    if value == 0 { return "0" }
    let text = String(format: "%.\(digits)g", value)
    return text.hasPrefix("-") ? "−" + text.dropFirst() : text
  }

  /// `7.77 M`, `230 k`, `12`.
  public static func count(_ value: Int) -> String {
    let x = Double(value)
    if value >= 999_500_000 { return String(format: "%.2f G", x / 1e9) }
    if value >= 999_500 { return String(format: "%.2f M", x / 1e6) }
    if value >= 10_000 { return String(format: "%.0f k", x / 1e3) }
    return grouped(value)
  }

  /// `1,158`.
  public static func grouped(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return (value < 0 ? "−" : "") + String(digits)
  }

  /// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "–" }
    if seconds < 0.0995 { return String(format: "%.0f ms", seconds * 1000) }
    if seconds < 9.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
    return String(format: "%d h %02d min", whole / 3600, whole % 3600 / 60)
  }
}
