import Foundation

/// Where a remote cache is: `http://host/path` or `https://user:password@host/path`.
///
/// The password is used and never shown: every text, record and message has `address.text`, which leaves it out. Without
/// one in the address, `~/.netrc` is asked.
public struct RemoteAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address without user and password, without a slash at its end.
  public let text: String
  let user: String?
  let password: String?

  public var description: String { text }

  /// Whether a word looks like an address rather than a folder.
  public static func isAddress(_ word: String) -> Bool { word.contains("://") }

  /// - Throws: `Diagnostic` when it is not an address that can be used.
  public init(_ word: String) throws(Diagnostic) {
    guard let parts = URLComponents(string: word), let scheme = parts.scheme?.lowercased(), let host = parts.host,
      ["http", "https"].contains(scheme), !host.isEmpty
    else {
      throw Diagnostic(
        "`\(Credentials.redacted(word))` is not the address of a remote cache",
        help: "write http://host/path or https://host/path")
    }
    guard parts.query == nil, parts.fragment == nil else {
      throw Diagnostic("`\(Credentials.redacted(word))`: the address of a remote cache ends with its path")
    }
    var shown = parts
    shown.user = nil
    shown.password = nil
    user = parts.user
    password = parts.password
    var text = shown.string ?? ""
    while text.hasSuffix("/") { text.removeLast() }
    self.text = text
  }

  /// Whether the address itself holds a user or password.
  public var hasCredentials: Bool { user != nil || password != nil }

  /// All of the address, for a process that has to use it.
  var secret: String {
    guard let user, let colon = text.range(of: "://") else { return text }
    func quoted(_ part: String) -> String {
      part.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
    let credentials = quoted(user) + (password.map { ":" + quoted($0) } ?? "")
    return text[..<colon.upperBound] + credentials + "@" + text[colon.upperBound...]
  }
}
