import Foundation

/// `1.5 GB` for people; powers of ten, as disks are sold.
public func byteText(_ count: Int) -> String {
  if count < 1000 { return "\(count) B" }
  var value = Double(count)
  for unit in ["kB", "MB", "GB", "TB"] {
    value /= 1000
    if value < 999.95 || unit == "TB" { return String(format: "%.1f %@", value, unit) }
  }
  return "\(count) B"
}
