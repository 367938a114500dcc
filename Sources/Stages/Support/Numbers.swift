import Foundation

/// Figures that enter records are rounded, so that they read well; the digits left are far finer than any use of them.
func rounded(_ value: Double, _ digits: Int) -> Double {
  let scale = pow(10, Double(digits))
  return (value * scale).rounded() / scale
}

/// A share as people read it: `3.2 %`.
func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

/// Fixed digits, independent of any locale.
func fixed(_ value: Double, _ digits: Int) -> String {
  value.isFinite ? String(format: "%.\(digits)f", value) : (value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
}

/// A field of a CSV file, quoted where it must be (RFC 4180).
func csvField(_ text: String) -> String {
  text.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" })
    ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
}

/// Rows of a CSV file, the header first.
func csv(_ rows: [[String]]) -> String {
  rows.map { $0.map(csvField).joined(separator: ",") + "\n" }.joined()
}
