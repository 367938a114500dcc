import Basics
import Foundation

/// A real browser without a window, driven by the DevTools protocol over a pair of pipes.
final class Browser {
  /// `CHROMIUM`, else a Chromium in the usual places; nil where there is none.
  static let executable: String? = {
    let given = ProcessInfo.processInfo.environment["CHROMIUM"].map { [$0] } ?? []
    let usual = ["chromium", "chromium-browser", "google-chrome"].map { "/usr/bin/" + $0 }
    return (given + usual).first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  struct Failure: Error { var message: String }

  private let process = Process()
  private let toBrowser: Int32
  private let fromBrowser: Int32
  private var received = Data()
  private var last = 0
  private var session: String?

  init(folder: URL) throws {
    let pipes = ["to-browser", "from-browser"].map { folder.path + "/" + $0 }
    for path in pipes where mkfifo(path, 0o600) != 0 { throw Failure(message: "cannot make \(path)") }
    // Both ways, so that neither side waits for the other to open.
    toBrowser = open(pipes[0], O_RDWR)
    fromBrowser = open(pipes[1], O_RDWR)
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c",
      "exec \"$0\" --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir=\"$3\" "
        + "--remote-debugging-pipe 3<\"$1\" 4>\"$2\" about:blank",
      Self.executable ?? "", pipes[0], pipes[1], folder.path + "/browser-profile",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"]?.stringValue ?? ""
    session = try call("Target.attachToTarget", ["targetId": .string(target), "flatten": true])["sessionId"]?
      .stringValue
  }

  func close() {
    process.terminate()
    process.waitUntilExit()
    _ = Glibc.close(toBrowser)
    _ = Glibc.close(fromBrowser)
  }

  /// Sends one command and returns its result.
  @discardableResult
  func call(_ method: String, _ parameters: JSON) throws -> JSON {
    last += 1
    var message: [String: JSON] = ["id": .int(last), "method": .string(method), "params": parameters]
    if let session { message["sessionId"] = .string(session) }
    let bytes = Array(JSON.object(message).canonical.utf8) + [0]
    guard write(toBrowser, bytes, bytes.count) == bytes.count else {
      throw Failure(message: "cannot write to the browser")
    }
    while true {
      let answer = try next()
      guard answer["id"]?.intValue == last else { continue }  // an event
      if let error = answer["error"] { throw Failure(message: "\(method): \(error.canonical)") }
      return answer["result"] ?? [:]
    }
  }

  private func next() throws -> JSON {
    while true {
      if let end = received.firstIndex(of: 0) {
        let message = Data(received[received.startIndex..<end])
        received = Data(received[received.index(after: end)...])
        return try JSON(parsing: message)
      }
      var ready = pollfd(fd: fromBrowser, events: Int16(POLLIN), revents: 0)
      guard poll(&ready, 1, 60_000) > 0 else { throw Failure(message: "the browser does not answer") }
      var buffer = [UInt8](repeating: 0, count: 65536)
      let count = read(fromBrowser, &buffer, buffer.count)
      guard count > 0 else { throw Failure(message: "the browser ended") }
      received += buffer[..<count]
    }
  }

  func visit(_ address: String) throws { try call("Page.navigate", ["url": .string(address)]) }

  /// The value of a JavaScript expression in the page.
  @discardableResult
  func value(_ expression: String) throws -> JSON {
    try call("Runtime.evaluate", ["expression": .string(expression), "returnByValue": true])["result"]?["value"]
      ?? .null
  }

  /// Waits until an expression is true.
  func wait(_ expression: String, seconds: Double = 60) throws {
    let end = Date().addingTimeInterval(seconds)
    while try value(expression) != .bool(true) {
      guard Date() < end else {
        throw Failure(
          message: "never true: \(expression); the page says: \(try value("document.body.innerText").canonical)")
      }
      usleep(100_000)
    }
  }
}
