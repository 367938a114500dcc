import FlyingFox
import Foundation
import Pipeline
import Synchronization

/// The pages of `pipeline serve`, behind the guard.
final class LiveSite: HTTPHandler {
  private let access: ServeGuard
  private let state: LiveState
  private let port = Mutex(0)

  /// Bytes of a request's body that are kept; a decision has a few hundred.
  private static let bodyLimit = 65536

  init(guard access: ServeGuard, state: LiveState) {
    self.access = access
    self.state = state
  }

  /// Called once, when the port is known; until then every request is refused.
  func opened(port: Int) { self.port.withLock { $0 = port } }

  /// The answer to a request; errors become pages that say what is wrong.
  /// - Throws: only when the connection breaks.
  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    let body = try await Self.body(of: request)
    var response: HTTPResponse
    do { response = try await answer(request, body: body) } catch let problem as Diagnostic {
      response = Self.response(.conflict, "\(problem)\n")
    } catch {
      response = Self.response(.internalServerError, "\(error)\n")
    }
    guard request.method == .HEAD else { return response }
    // The length is that of the page; the page itself is not sent.
    response.headers[.contentLength] = "\(try await response.bodyData.count)"
    response.payload = .httpBody(HTTPBodySequence())
    return response
  }

  /// Answers whoever may look.
  private func answer(_ request: HTTPRequest, body: Data?) async throws -> HTTPResponse {
    let port = port.withLock { $0 }
    guard access.isOurs(host: request.headers[.host], port: port) else {
      return Self.response(.misdirectedRequest, "not this server\n")
    }
    if request.path == "/", let key = request.query["key"], ServeGuard.areEqual(key, access.key) {
      // The key leaves the address bar and the history.
      let cookie = "\(ServeGuard.cookieName(port))=\(access.key); Path=/; HttpOnly; SameSite=Strict"
      return Self.response(.seeOther, "", [.location: "/", .setCookie: cookie])
    }
    guard access.mayLook(cookies: request.headers[.cookie], port: port) else {
      return Self.response(.forbidden, "open the address that `pipeline serve` printed: it holds the key\n")
    }
    switch (request.method, request.path) {
    case (.GET, "/"), (.HEAD, "/"):
      return Self.response(.ok, try await state.document(), type: "text/html; charset=utf-8")
    case (.GET, "/fragment"), (.HEAD, "/fragment"):
      let (html, report) = try await state.fragment()
      return Self.response(.ok, html, type: "text/html; charset=utf-8", [.eTag: report])
    case (.GET, "/live.js"), (.HEAD, "/live.js"):
      return Self.response(.ok, LivePage.script, type: "text/javascript; charset=utf-8")
    case (.POST, "/approve"):
      guard let body else {
        return Self.response(.payloadTooLarge, "a decision has at most \(Self.bodyLimit) bytes\n")
      }
      return try await approve(request, form: Self.form(String(decoding: body, as: UTF8.self)), port: port)
    default:
      return Self.response(.notFound, "there is no \(request.method.rawValue) \(request.path) here\n")
    }
  }

  private func approve(_ request: HTTPRequest, form fields: [String: String], port: Int) async throws -> HTTPResponse {
    if let objection = access.objection(
      origin: request.headers[HTTPHeader("Origin")], site: request.headers[HTTPHeader("Sec-Fetch-Site")],
      token: fields["token"], port: port)
    {
      return Self.response(.forbidden, "refused: \(objection)\n")
    }
    guard let stage = fields["stage"], let content = fields["content"] else {
      return Self.response(.badRequest, "`stage` and `content` are missing\n")
    }
    _ = try await state.approve(stage, content: content, message: fields["message"] ?? "")
    return Self.response(.seeOther, "", [.location: "/"])
  }

  /// The body of a request; nil when it has more than `bodyLimit` bytes. The rest is read all the same, so that it is not
  /// taken for the next request of the connection.
  private static func body(of request: HTTPRequest) async throws -> Data? {
    var body = Data()
    var isWhole = true
    for try await part in request.bodySequence {
      isWhole = isWhole && body.count + part.count <= bodyLimit
      if isWhole { body += part }
    }
    return isWhole ? body : nil
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
    _ status: HTTPStatusCode, _ text: String, type: String = "text/plain; charset=utf-8",
    _ fields: [HTTPHeader: String] = [:]
  ) -> HTTPResponse {
    var headers: HTTPHeaders = [
      .contentType: type,
      .cacheControl: "no-store",
      HTTPHeader("Content-Security-Policy"): "frame-ancestors 'none'",
      HTTPHeader("X-Content-Type-Options"): "nosniff",
    ]
    for (name, value) in fields { headers[name] = value }
    return HTTPResponse(statusCode: status, headers: headers, body: Data(text.utf8))
  }
}
