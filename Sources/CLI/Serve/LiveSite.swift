import Foundation
import Hummingbird
import Pipeline
import Synchronization

/// The pages of `pipeline serve`, behind the guard.
final class LiveSite: Sendable {
  private let access: ServeGuard
  private let state: LiveState
  private let port = Mutex(0)

  init(guard access: ServeGuard, state: LiveState) {
    self.access = access
    self.state = state
  }

  /// Called once, when the port is known; nothing is answered before.
  func opened(port: Int) { self.port.withLock { $0 = port } }

  var router: Router<BasicRequestContext> {
    let router = Router()
    router.get("/") { [self] request, _ in
      try await answer(request, isEntrance: true) {
        Self.response(.ok, try await state.document(), type: "text/html; charset=utf-8")
      }
    }
    router.get("/fragment") { [self] request, _ in
      try await answer(request) {
        let (html, report) = try await state.fragment()
        return Self.response(
          .ok, html, type: "text/html; charset=utf-8", [.eTag: report])
      }
    }
    router.get("/live.js") { [self] request, _ in
      try await answer(request) {
        Self.response(.ok, LivePage.script, type: "text/javascript; charset=utf-8")
      }
    }
    router.post("/approve") { [self] request, _ in
      try await answer(request) { try await approve(request) }
    }
    return router
  }

  /// Answers whoever may look; turns errors into pages that say what is wrong.
  private func answer(
    _ request: Request, isEntrance: Bool = false, _ body: () async throws -> Response
  ) async throws -> Response {
    let port = port.withLock { $0 }
    guard access.isOurs(host: request.head.authority, port: port) else {
      return Self.response(.misdirectedRequest, "not this server\n")
    }
    if isEntrance, let key = request.uri.queryParameters["key"], ServeGuard.areEqual(String(key), access.key) {
      // The key leaves the address bar and the history.
      let cookie = "\(ServeGuard.cookieName(port))=\(access.key); Path=/; HttpOnly; SameSite=Strict"
      return Self.response(.seeOther, "", [.location: "/", .setCookie: cookie])
    }
    guard access.mayLook(cookies: request.headers[.cookie], port: port) else {
      return Self.response(.forbidden, "open the address that `pipeline serve` printed: it holds the key\n")
    }
    do { return try await body() } catch let problem as Diagnostic {
      return Self.response(.conflict, "\(problem)\n")
    } catch {
      return Self.response(.internalServerError, "\(error)\n")
    }
  }

  private func approve(_ request: Request) async throws -> Response {
    var request = request
    let buffer = try await request.collectBody(upTo: 65536)
    let fields = Self.form(String(decoding: buffer.readableBytesView, as: UTF8.self))
    if let objection = access.objection(
      origin: request.headers[.origin],
      site: request.headers.first { $0.name.canonicalName == "sec-fetch-site" }?.value,
      token: fields["token"], port: port.withLock { $0 })
    {
      return Self.response(.forbidden, "refused: \(objection)\n")
    }
    guard let stage = fields["stage"], let content = fields["content"] else {
      return Self.response(.badRequest, "`stage` and `content` are missing\n")
    }
    _ = try await state.approve(stage, content: content, message: fields["message"] ?? "")
    return Self.response(.seeOther, "", [.location: "/"])
  }

  /// Fields of `application/x-www-form-urlencoded`.
  private static func form(_ text: String) -> [String: String] {
    func decoded(_ text: Substring) -> String {
      String(text).replacing("+", with: " ").removingPercentEncoding ?? ""
    }
    return Dictionary(
      text.split(separator: "&").map { pair in
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
      }, uniquingKeysWith: { first, _ in first })
  }

  private static func response(
    _ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8",
    _ fields: HTTPFields = [:]
  ) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = type
    headers[.cacheControl] = "no-store"
    headers[.contentSecurityPolicy] = "frame-ancestors 'none'"
    headers[.xContentTypeOptions] = "nosniff"
    for field in fields { headers[field.name] = field.value }
    return Response(status: status, headers: headers, body: .init(byteBuffer: .init(string: text)))
  }
}
