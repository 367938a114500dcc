import Foundation
import Pipeline
import Synchronization

/// Serves the files of a folder like a cache that is broken in one way, or that is slow.
final class FaultyServer: Sendable {
  enum Fault: String, CaseIterable, Sendable {
    /// Status 500 for everything.
    case fails
    /// Says how long the answer is and sends half of it.
    case truncates
    /// Sends as many bytes as it says, other ones.
    case garbles
    /// Takes the question and never answers.
    case hangs
    /// Sends one byte a second.
    case drips
    /// Answers three questions and is gone.
    case dies
    /// Speaks something else.
    case babbles
    /// Takes a while for every answer. Nothing is wrong with it.
    case ponders

    static let allCases: [Fault] = [.fails, .truncates, .garbles, .hangs, .drips, .dies, .babbles]
  }

  let port: Int
  private let socket: Int32
  private let counter = Counter()

  /// Questions so far.
  var requests: Int { counter.value.load(ordering: .relaxed) }
  /// The most questions that were open at one time.
  var mostAtOnce: Int { counter.most.load(ordering: .relaxed) }
  var address: String { "http://127.0.0.1:\(port)" }

  init(_ fault: Fault, folder: String) throws {
    (socket, port) = try Self.listening()
    let (listener, counter) = (socket, counter)
    Thread {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        let number = counter.next()
        Thread {
          counter.begin()
          Self.serve(connection, fault, folder, number)
          counter.end()
          close(connection)
          if fault == .dies, number >= 3 { shutdown(listener, Int32(SHUT_RDWR)) }
        }.start()
      }
    }.start()
  }

  deinit {
    shutdown(socket, Int32(SHUT_RDWR))
    close(socket)
  }

  /// Outlives the server in its threads.
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
    let open = Atomic<Int>(0)
    let most = Atomic<Int>(0)
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
    func begin() { most.max(open.add(1, ordering: .relaxed).newValue, ordering: .relaxed) }
    func end() { open.subtract(1, ordering: .relaxed) }
  }

  private static func serve(_ connection: Int32, _ fault: Fault, _ folder: String, _ number: Int) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = recv(connection, &buffer, buffer.count, 0)
    guard n > 0 else { return }
    let words = String(decoding: buffer[..<n], as: UTF8.self).split(separator: " ")
    guard words.count > 1 else { return }
    let body = FileManager.default.contents(atPath: folder + words[1])
    func say(_ status: String, _ length: Int, _ bytes: Data) {
      let head = "HTTP/1.1 \(status)\r\nContent-Length: \(length)\r\nConnection: close\r\n\r\n"
      for part in [Data(head.utf8), bytes] {
        _ = part.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      }
    }
    guard let body, fault != .fails else { return say(fault == .fails ? "500 no" : "404 no", 0, Data()) }
    switch fault {
    case .fails: break
    case .truncates: say("200 OK", body.count, body.prefix(body.count / 2))
    case .garbles: say("200 OK", body.count, Data(body.map { $0 ^ 0x55 }))
    case .hangs: sleep(20)
    case .drips:
      say("200 OK", body.count, Data())
      for byte in body.prefix(20) {
        var byte = byte
        guard send(connection, &byte, 1, Int32(MSG_NOSIGNAL)) == 1 else { return }
        sleep(1)
      }
    case .dies: say("200 OK", body.count, number < 3 ? body : body.prefix(body.count / 2))
    case .ponders:
      usleep(100_000)
      say("200 OK", body.count, body)
    case .babbles: _ = send(connection, "220 mail ready\r\n", 16, Int32(MSG_NOSIGNAL))
    }
  }

  /// A listening socket on the loopback interface and its port.
  private static func listening() throws -> (Int32, Int) {
    let fd = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, length) == 0 && listen(fd, 64) == 0 && getsockname(fd, $0, &length) == 0
      }
    }
    guard isBound else { throw StageFailure("no port to listen on: \(String(cString: strerror(errno)))") }
    return (fd, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// A port that nobody listens on.
  static func freePort() throws -> Int {
    let (fd, port) = try listening()
    close(fd)
    return port
  }

  static func answers(_ port: Int) -> Bool {
    let fd = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
