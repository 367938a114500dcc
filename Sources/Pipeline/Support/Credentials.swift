/// Keeps users and passwords that stand in addresses out of what people see.
public enum Credentials {
  /// A word of a command line without what stands between `://` and `@`.
  public static func redacted(_ word: String) -> String {
    guard let start = word.range(of: "://") else { return word }
    let authority = word[start.upperBound...].prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@") else { return word }
    return word[..<start.upperBound] + "***" + word[at...]
  }

  /// A line of a file with a star for each character of a user or password in an address, so that columns stay.
  static func starred(_ line: String) -> String {
    guard line.contains("://"), line.contains("@") else { return line }
    var scalars = Array(line.unicodeScalars)
    var start = 0
    while start + 3 < scalars.count {
      guard scalars[start...].starts(with: "://".unicodeScalars) else {
        start += 1
        continue
      }
      start += 3
      let end = scalars[start...].firstIndex { "/\"' ,}]\t".unicodeScalars.contains($0) } ?? scalars.count
      if let at = scalars[start..<end].lastIndex(of: "@") {
        for index in start..<at { scalars[index] = "*" }
      }
    }
    return String(String.UnicodeScalarView(scalars))
  }
}
