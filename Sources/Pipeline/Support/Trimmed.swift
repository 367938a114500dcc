extension StringProtocol {
  /// Without spaces at both ends.
  var trimmed: SubSequence {
    guard let first = firstIndex(where: { $0 != " " }), let last = lastIndex(where: { $0 != " " }) else {
      return self[startIndex..<startIndex]
    }
    return self[first...last]
  }
}
