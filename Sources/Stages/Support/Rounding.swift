import Foundation

/// Figures that enter records are rounded, so that they read well; the digits left are far finer than any use of them.
func rounded(_ value: Double, _ digits: Int) -> Double {
  let scale = pow(10, Double(digits))
  return (value * scale).rounded() / scale
}

/// A share as people read it: `3.2 %`.
func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
