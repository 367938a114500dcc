import Basics
import Foundation
import Pipeline

/// Who may look and who may decide. The page is for the person who started the server: other users of the machine and other
/// web pages in the same browser must neither read nor approve.
///
/// - Every request must name this server in `Host`, so that a foreign name that resolves to 127.0.0.1 gets nothing.
/// - Every request needs the key, which only the terminal shows: once as `?key=`, then as a cookie that is never sent with a
///   request from another site (`SameSite=Strict`) nor shown to scripts.
/// - A decision must come from this page: its `Origin` is this server, and it carries the page's token.
struct ServeGuard: Sendable {
  let key: String
  let token: String

  init() {
    var random = SystemRandomNumberGenerator()
    func secret() -> String {
      (0..<4).map { _ in String(format: "%016llx", UInt64.random(in: 0 ... .max, using: &random)) }.joined()
    }
    key = secret()
    token = secret()
  }

  static func cookieName(_ port: Int) -> String { "pipeline-\(port)" }

  static func hosts(_ port: Int) -> [String] { ["127.0.0.1:\(port)", "localhost:\(port)"] }

  func isOurs(host: String?, port: Int) -> Bool { host.map(Self.hosts(port).contains) ?? false }

  func mayLook(cookies: String?, port: Int) -> Bool {
    let pairs = (cookies ?? "").split(separator: ";").map { $0.trimmingPrefix { $0 == " " } }
    return pairs.contains { pair in
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      return parts.count == 2 && parts[0] == Self.cookieName(port) && Self.areEqual(parts[1], key)
    }
  }

  /// Why a decision is refused; nil when it comes from our own page.
  func objection(origin: String?, site: String?, token given: String?, port: Int) -> String? {
    guard let origin, Self.hosts(port).contains(where: { "http://\($0)" == origin }) else {
      return "the request does not come from this page (Origin: \(origin ?? "none"))"
    }
    if let site, site != "same-origin" { return "the request comes from another site" }
    guard let given, Self.areEqual(given, token) else {
      return "the page is from an earlier start of the server; load it again"
    }
    return nil
  }

  /// Compared in a time that does not tell how much agrees.
  static func areEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// The contents of a gate, so that only what the page showed can be approved.
  static func digest(of gate: GateStatus) -> String {
    Digest.of(.object(gate.contents.mapValues { .string($0.hex) })).hex
  }
}
