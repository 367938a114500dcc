import Basics
import Foundation

/// Summaries of per-sample values and tests between methods.
public enum Statistics {
  /// NaN for no values.
  public static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
  }

  /// The sample standard deviation (n - 1); 0 for one value, NaN for none.
  public static func standardDeviation(_ values: [Double]) -> Double {
    if values.isEmpty { return .nan }
    if values.count == 1 { return 0 }
    let centre = mean(values)
    return (values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(values.count - 1)).squareRoot()
  }

  /// NumPy's default: linear between the two values around position (n - 1) * percent / 100. NaN for no values.
  public static func percentile(_ values: [Double], _ percent: Double) -> Double {
    if values.isEmpty { return .nan }
    let sorted = values.sorted()
    return interpolated(count: sorted.count, percent) { sorted[$0] }
  }

  /// Percentiles of many floats at once, without sorting them all: two order statistics for each percentile.
  public static func percentiles(_ values: [Float], _ percents: [Double]) -> [Double] {
    if values.isEmpty { return percents.map { _ in .nan } }
    var work = values
    return work.withUnsafeMutableBufferPointer { buffer in
      percents.map { percent in interpolated(count: buffer.count, percent) { Double(select(buffer, $0)) } }
    }
  }

  private static func interpolated(count: Int, _ percent: Double, _ value: (Int) -> Double) -> Double {
    let position = Double(count - 1) * max(0, min(percent, 100)) / 100
    let low = Int(position.rounded(.down))
    let share = position - Double(low)
    let a = value(low)
    if share == 0 || low + 1 >= count { return a }
    let b = value(low + 1)
    return share < 0.5 ? a + (b - a) * share : b - (b - a) * (1 - share)
  }

  /// Hoare's selection with the median of three as pivot: the k-th smallest; reorders the buffer.
  private static func select(_ values: UnsafeMutableBufferPointer<Float>, _ k: Int) -> Float {
    var (low, high) = (0, values.count - 1)
    while low < high {
      let (a, b, c) = (values[low], values[(low + high) / 2], values[high])
      let pivot = max(min(a, b), min(max(a, b), c))
      var (i, j) = (low, high)
      while i <= j {
        while values[i] < pivot { i += 1 }
        while values[j] > pivot { j -= 1 }
        if i <= j {
          values.swapAt(i, j)
          i += 1
          j -= 1
        }
      }
      if k <= j {
        high = j
      } else if k >= i {
        low = i
      } else {
        break
      }
    }
    return values[k]
  }

  /// The percentile bootstrap interval of the mean (Efron, 1979): `resamples` draws with replacement, seeded.
  /// - Returns: nil for fewer than two values.
  public static func bootstrapInterval(
    _ values: [Double], level: Double = 0.95, resamples: Int = 10_000, seed: UInt64
  ) -> (low: Double, high: Double)? {
    guard values.count > 1, resamples > 0 else { return nil }
    var random = SeededRandom(seed: seed, stream: "bootstrap")
    let means = (0..<resamples).map { _ -> Double in
      var sum = 0.0
      for _ in 0..<values.count { sum += values[random.index(below: values.count)] }
      return sum / Double(values.count)
    }
    let tail = (1 - level) / 2 * 100
    return (percentile(means, tail), percentile(means, 100 - tail))
  }

  /// The outcome of a paired comparison of two methods on the same samples.
  public struct PairedTest: Hashable, Sendable {
    public let name: String
    public let statistic: Double
    /// Two-sided; 1 when all differences are zero.
    public let pValue: Double
    /// Pairs that entered: without zero differences for the signed-rank test.
    public let pairs: Int
    /// mean(a) - mean(b)
    public let meanDifference: Double
  }

  /// Wilcoxon's signed-rank test (1945), two-sided: exact up to 25 pairs without ties, else the normal approximation with
  /// tie correction and without continuity correction (as SciPy). nil when the lists differ in length or are empty.
  public static func wilcoxon(_ a: [Double], _ b: [Double]) -> PairedTest? {
    guard a.count == b.count, !a.isEmpty else { return nil }
    let differences = zip(a, b).map { $0 - $1 }
    let difference = mean(differences)
    let nonzero = differences.filter { $0 != 0 }
    let n = nonzero.count
    if n == 0 {
      return PairedTest(name: "Wilcoxon signed-rank", statistic: 0, pValue: 1, pairs: 0, meanDifference: difference)
    }
    let order = nonzero.indices.sorted { abs(nonzero[$0]) < abs(nonzero[$1]) }
    var ranks = [Double](repeating: 0, count: n)
    var ties = 0.0
    var start = 0
    while start < n {
      var end = start
      while end + 1 < n && abs(nonzero[order[end + 1]]) == abs(nonzero[order[start]]) { end += 1 }
      let size = Double(end - start + 1)
      for i in start...end { ranks[order[i]] = Double(start + end) / 2 + 1 }
      ties += size * size * size - size
      start = end + 1
    }
    let positive = zip(nonzero, ranks).reduce(0) { $0 + ($1.0 > 0 ? $1.1 : 0) }
    let total = Double(n * (n + 1)) / 2
    let statistic = min(positive, total - positive)
    let pValue: Double
    if n <= 25 && ties == 0 {
      // How many of the 2^n sign choices give each rank sum.
      var ways = [Double](repeating: 0, count: n * (n + 1) / 2 + 1)
      ways[0] = 1
      for rank in 1...n {
        for sum in stride(from: ways.count - 1, through: rank, by: -1) { ways[sum] += ways[sum - rank] }
      }
      pValue = min(1, 2 * ways[0...Int(statistic)].reduce(0, +) / pow(2, Double(n)))
    } else {
      let variance = Double(n * (n + 1) * (2 * n + 1)) / 24 - ties / 48
      pValue = variance > 0 ? erfc(abs(statistic - total / 2) / variance.squareRoot() / 2.0.squareRoot()) : 1
    }
    return PairedTest(
      name: "Wilcoxon signed-rank", statistic: statistic, pValue: pValue, pairs: n, meanDifference: difference)
  }

  /// Student's paired t test, two-sided. nil when the lists differ in length or hold fewer than two pairs.
  public static func pairedT(_ a: [Double], _ b: [Double]) -> PairedTest? {
    guard a.count == b.count, a.count > 1 else { return nil }
    let differences = zip(a, b).map { $0 - $1 }
    let difference = mean(differences)
    let deviation = standardDeviation(differences)
    let freedom = Double(a.count - 1)
    if deviation == 0 {
      return PairedTest(
        name: "paired t", statistic: difference == 0 ? 0 : .infinity, pValue: difference == 0 ? 1 : 0,
        pairs: a.count, meanDifference: difference)
    }
    let t = difference / (deviation / Double(a.count).squareRoot())
    let p = incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
    return PairedTest(name: "paired t", statistic: t, pValue: p, pairs: a.count, meanDifference: difference)
  }

  /// The regularised incomplete beta function by its continued fraction (Abramowitz and Stegun 26.5.8, Lentz's method).
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if x >= 1 { return 1 }
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
    let logFront: Double = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)
    let front = exp(logFront) / a
    let tiny = 1e-300
    var c = 1.0
    var d = 1 - (a + b) * x / (a + 1)
    d = 1 / (abs(d) < tiny ? tiny : d)
    var fraction = d
    for step in 1...500 {
      let m = Double(step)
      let even: Double = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      let odd: Double = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      for term in [even, odd] {
        d = 1 + term * d
        d = 1 / (abs(d) < tiny ? tiny : d)
        c = 1 + term / c
        if abs(c) < tiny { c = tiny }
        fraction *= c * d
      }
      if abs(c * d - 1) < 1e-15 { break }
    }
    return front * fraction
  }
}
