/// The nearest name within an edit distance of a third of its length, as `did you mean …?`, or the list of choices.
public func suggestion(for name: String, among choices: [String]) -> String? {
  guard !choices.isEmpty else { return nil }
  let ranked = choices.map { ($0, editDistance(name.lowercased(), $0.lowercased())) }.sorted { $0.1 < $1.1 }
  if let (best, distance) = ranked.first, distance <= max(1, min(name.count, best.count) / 3) {
    return "did you mean `\(best)`?"
  }
  return "choose one of: \(choices.sorted().joined(separator: ", "))"
}

/// Levenshtein distance in characters, transpositions counted as one.
func editDistance(_ a: String, _ b: String) -> Int {
  let x = Array(a.prefix(64))
  let y = Array(b.prefix(64))
  var rows = [[Int]](repeating: [Int](repeating: 0, count: y.count + 1), count: x.count + 1)
  for i in 0...x.count { rows[i][0] = i }
  for j in 0...y.count { rows[0][j] = j }
  guard !x.isEmpty, !y.isEmpty else { return max(x.count, y.count) }
  for i in 1...x.count {
    for j in 1...y.count {
      let cost = x[i - 1] == y[j - 1] ? 0 : 1
      rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
      if i > 1, j > 1, x[i - 1] == y[j - 2], x[i - 2] == y[j - 1] {
        rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
      }
    }
  }
  return rows[x.count][y.count]
}
