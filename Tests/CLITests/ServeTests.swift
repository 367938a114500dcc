import Foundation
import Testing

/// `pipeline serve`: the page of a run that waits at a gate, who may see it, and who may decide.
@Suite(.serialized) struct ServeTests {
  private static let gated = """
    extends: \(PipelineProcess.pipelines.path)/demo.yaml
    name: gated
    stages:
      heads.with: { count: 3, size: 64, gaussians: 2000 }
      photos.with: { size: 64 }
      facelift.gate: { approve: explicit, message: Look at the heads. }
    targets: [facelift]
    """

  /// A server beside a run that stopped at its gate.
  private struct Site {
    let process: PipelineProcess
    let server: Process
    let port: Int
    let key: String

    init() throws {
      process = try PipelineProcess()
      try process.write(ServeTests.gated, to: "gated.yaml")
      let first = try process.run("run", "gated.yaml")
      try #require(first.code == 3, "\(first.errors)")
      let (server, output) = try process.startReading("serve", "gated.yaml", "--port", "0")
      self.server = server
      var text = ""
      for _ in 0..<600 where !text.contains("Ctrl-C") {
        usleep(100_000)
        text = String(decoding: FileManager.default.contents(atPath: output.path) ?? Data(), as: UTF8.self)
      }
      let address = try #require(text.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\/\?key=([0-9a-f]{64})/), "\(text)")
      port = try #require(Int(address.1))
      key = String(address.2)
    }

    func end() {
      server.terminate()
      server.waitUntilExit()
      process.remove()
    }

    var cookie: String { "Cookie: pipeline-\(port)=\(key)" }

    /// One request, written as it goes over the wire.
    func request(_ method: String, _ path: String, _ headers: [String], host: String? = nil, body: String = "") throws
      -> String
    {
      let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(fd) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, size) }
      }
      try #require(connected == 0)
      let lines =
        ["\(method) \(path) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"] + headers
        + (body.isEmpty
          ? [] : ["Content-Type: application/x-www-form-urlencoded", "Content-Length: \(body.utf8.count)"])
      let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
      try #require(write(fd, bytes, bytes.count) == bytes.count)
      var answer: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65536)
      while case let count = read(fd, &buffer, buffer.count), count > 0 { answer += buffer[..<count] }
      return String(decoding: answer, as: UTF8.self)
    }

    func hidden(_ name: String, in page: String) throws -> String {
      let field = try Regex("name=\"\(name)\" value=\"([^\"]*)\"")
      return String(try #require(page.firstMatch(of: field)?.output[1].substring, "no \(name)"))
    }
  }

  @Test func onlyTheOwnPageMaySeeAndDecide() throws {
    let site = try Site()
    defer { site.end() }
    #expect(try site.request("GET", "/", []).hasPrefix("HTTP/1.1 403"))
    #expect(try site.request("GET", "/fragment", ["Cookie: pipeline-\(site.port)=0"]).hasPrefix("HTTP/1.1 403"))
    #expect(
      try site.request("GET", "/?key=\(site.key)", [], host: "evil.example:\(site.port)").hasPrefix("HTTP/1.1 421"))
    let entrance = try site.request("GET", "/?key=\(site.key)", [])
    #expect(entrance.hasPrefix("HTTP/1.1 303") && entrance.contains("HttpOnly; SameSite=Strict"), "\(entrance)")
    let page = try site.request("GET", "/", [site.cookie])
    #expect(page.hasPrefix("HTTP/1.1 200") && page.contains("Look at the heads."), "\(page)")
    let head = try site.request("HEAD", "/", [site.cookie])
    #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"), "\(head)")
    let length = try #require(head.firstMatch(of: /Content-Length: (\d+)/)?.1)
    #expect(Int(length) ?? 0 > 1000, "the page's length, without the page")
    #expect(try site.request("GET", "/fragments", [site.cookie]).hasPrefix("HTTP/1.1 404"))
    #expect(try site.request("GET", "/approve", [site.cookie]).hasPrefix("HTTP/1.1 404"))
    let long = try site.request("POST", "/approve", [site.cookie], body: String(repeating: "a", count: 100_000))
    #expect(long.hasPrefix("HTTP/1.1 413"), "\(long)")
    let token = try site.hidden("token", in: page)
    let content = try site.hidden("content", in: page)
    let own = "Origin: http://127.0.0.1:\(site.port)"
    func approve(_ headers: [String], token: String, content: String) throws -> String {
      try site.request(
        "POST", "/approve", headers, body: "stage=facelift&content=\(content)&token=\(token)&message=seen+them")
    }
    let refused: [(what: String, status: String, headers: [String], token: String, content: String)] = [
      ("no cookie", "403", [own], token, content),
      ("no origin", "403", [site.cookie], token, content),
      ("another site's origin", "403", [site.cookie, "Origin: http://evil.example"], token, content),
      ("another port's origin", "403", [site.cookie, "Origin: http://127.0.0.1:1"], token, content),
      ("cross-site by the browser's word", "403", [site.cookie, own, "Sec-Fetch-Site: cross-site"], token, content),
      ("wrong token", "403", [site.cookie, own], String(repeating: "0", count: 64), content),
      ("other content than shown", "409", [site.cookie, own], token, String(repeating: "0", count: 64)),
    ]
    for attempt in refused {
      let answer = try approve(attempt.headers, token: attempt.token, content: attempt.content)
      #expect(answer.hasPrefix("HTTP/1.1 \(attempt.status)"), "\(attempt.what): \(answer.prefix(200))")
    }
    #expect(try site.process.run("run", "gated.yaml").code == 3, "nothing was approved")
    let answer = try approve([site.cookie, own, "Sec-Fetch-Site: same-origin"], token: token, content: content)
    #expect(answer.hasPrefix("HTTP/1.1 303"), "\(answer)")
    #expect(try site.process.run("run", "gated.yaml").code == 0)
    let after = try site.request("GET", "/fragment", [site.cookie])
    #expect(after.hasPrefix("HTTP/1.1 200") && !after.contains("Approve"), "\(after)")
  }

  @Test(.enabled(if: Browser.executable != nil, "needs Chromium: CHROMIUM=<path>"))
  func aBrowserFollowsTheRunAndApproves() throws {
    let site = try Site()
    defer { site.end() }
    let browser = try Browser(folder: site.process.folder)
    defer { browser.close() }
    // A page of another site that sends the form by itself gets nowhere.
    let attack = site.process.folder.appendingPathComponent("attack.html")
    try Data(
      """
      <body onload="document.forms[0].submit()"><form method="post" action="http://127.0.0.1:\(site.port)/approve">
      <input name="stage" value="facelift"><input name="content" value="x"><input name="token" value="x"></form>
      """.utf8
    ).write(to: attack)
    try browser.visit("http://127.0.0.1:\(site.port)/?key=\(site.key)")
    try browser.wait("document.documentElement.dataset.live === 'yes'")
    #expect(try browser.value("location.search") == "", "the key has left the address bar")
    try browser.visit(attack.absoluteString)
    try browser.wait("location.pathname === '/approve'")
    #expect(try browser.value("document.body.innerText.includes('holds the key')") == true)

    try browser.visit("http://127.0.0.1:\(site.port)/?key=\(site.key)")
    try browser.wait("document.documentElement.dataset.live === 'yes' && !!document.querySelector('form.decision')")
    #expect(try browser.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth") == true)
    try browser.value("document.querySelector('input[name=message]').value = 'seen in the browser'")
    try browser.value("document.querySelector('form.decision button').click()")
    try browser.wait(
      "location.pathname === '/' && document.documentElement.dataset.live === 'yes' && !document.querySelector('form.decision')"
    )
    let approvals = try #require(site.process.contents(".pipeline/approvals/gated/facelift.json"))
    #expect(String(decoding: approvals, as: UTF8.self).contains("seen in the browser"))

    // The page is told of the next run without being loaded again.
    try browser.value("window.still = 'here'")
    try #require(try site.process.run("run", "gated.yaml").code == 0)
    try browser.wait("document.getElementById('live-now').innerText.includes('done')")
    #expect(try browser.value("window.still") == "here")
    #expect(try browser.value("document.getElementById('live-graph').innerText.includes('ran')") == true)
  }

  @Test func aTakenPortIsNamed() throws {
    let site = try Site()
    defer { site.end() }
    let second = try site.process.run("serve", "gated.yaml", "--port", "\(site.port)")
    #expect(second.code == 2 && second.errors.contains("port \(site.port) is taken"), "\(second.errors)")
  }
}
