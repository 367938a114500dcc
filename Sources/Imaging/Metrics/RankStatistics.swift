import Foundation

extension Statistics {
  /// Holm's step-down correction (1979): p values adjusted so that rejecting those below a level keeps the chance of any false
  /// rejection below it. In the order given.
  public static func holm(_ p: [Double]) -> [Double] {
    var adjusted = p
    var most = 0.0
    for (rank, index) in p.indices.sorted(by: { (p[$0], $0) < (p[$1], $1) }).enumerated() {
      most = max(most, min(1, p[index] * Double(p.count - rank)))
      adjusted[index] = most
    }
    return adjusted
  }

  /// Ranks from 1, ties sharing the mean of theirs.
  public static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count && values[order[end + 1]] == values[order[start]] { end += 1 }
      for index in start...end { ranks[order[index]] = Double(start + end) / 2 + 1 }
      start = end + 1
    }
    return ranks
  }

  /// Kendall's tau-b (1945): 1 when both orders are the same, -1 when they are opposite; ties count for neither. nil for lists
  /// of different lengths, fewer than two values, or a list without any order.
  public static func kendall(_ a: [Double], _ b: [Double]) -> Double? {
    guard a.count == b.count, a.count > 1 else { return nil }
    var (agreement, untiedA, untiedB) = (0.0, 0.0, 0.0)
    for i in a.indices {
      for j in a.indices where j > i {
        let x = a[i] < a[j] ? 1.0 : a[i] > a[j] ? -1 : 0
        let y = b[i] < b[j] ? 1.0 : b[i] > b[j] ? -1 : 0
        agreement += x * y
        untiedA += x * x
        untiedB += y * y
      }
    }
    return untiedA > 0 && untiedB > 0 ? agreement / (untiedA * untiedB).squareRoot() : nil
  }

  /// Spearman's rho: Pearson's correlation of the ranks. nil as ``kendall(_:_:)``.
  public static func spearman(_ a: [Double], _ b: [Double]) -> Double? {
    guard a.count == b.count, a.count > 1 else { return nil }
    let (ra, rb) = (ranks(a), ranks(b))
    let (ma, mb) = (mean(ra), mean(rb))
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(ra, rb) {
      ab += (x - ma) * (y - mb)
      aa += (x - ma) * (x - ma)
      bb += (y - mb) * (y - mb)
    }
    return aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : nil
  }
}
