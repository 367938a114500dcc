import Basics
import CHttp
import Foundation
import Synchronization

/// The server could not be asked, or gave an answer that is neither yes nor no.
struct RemoteProblem: ReadableError, Hashable {
  var message: String
}

/// How long requests may take. A cache is there to save time; one that does not answer is left alone.
public struct RemoteLimits: Hashable, Sendable {
  /// Milliseconds to reach the server.
  public var connect: Int
  /// Milliseconds for a question with a short answer.
  public var question: Int
  /// A transfer slower than `rate` bytes a second for this many seconds is given up.
  public var stall: Int
  public var rate: Int

  /// For another process.
  var text: String { "\(connect) \(question) \(stall) \(rate)" }

  init?(text: String) {
    let values = text.split(separator: " ").compactMap { Int($0) }
    guard values.count == 4 else { return nil }
    self.init(connect: values[0], question: values[1], stall: values[2], rate: values[3])
  }

  public init(connect: Int = 2000, question: Int = 10_000, stall: Int = 5, rate: Int = 16_384) {
    self.connect = connect
    self.question = question
    self.stall = stall
    self.rate = rate
  }
}

/// Requests to one server, from any thread, over connections that are kept open.
final class HTTPClient: Sendable {
  /// A C session; unchecked because the pool hands it to one thread at a time.
  private struct Session: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private let address: RemoteAddress
  private let limits: RemoteLimits
  private let idle = Mutex<[Session]>([])

  init(_ address: RemoteAddress, limits: RemoteLimits) {
    self.address = address
    self.limits = limits
  }

  deinit { idle.withLock { for session in $0 { http_close(session.pointer) } } }

  /// Where bytes of a request come from and bytes of its answer go; what the C callbacks see.
  private final class Exchange {
    var source: (UnsafeMutableRawBufferPointer) -> Int? = { _ in 0 }
    var sink: (UnsafeRawBufferPointer) -> Bool = { _ in true }
  }

  /// - Returns: whether the object is there.
  func has(_ path: String) throws -> Bool {
    try found(perform("HEAD", path, total: limits.question, Exchange()), path)
  }

  /// A short text; nil when there is none.
  /// - Parameter limit: bytes; longer answers are refused.
  func text(_ path: String, limit: Int) throws -> Data? {
    var data = Data()
    let exchange = Exchange()
    exchange.sink = { bytes in
      guard data.count + bytes.count <= limit else { return false }
      data.append(contentsOf: bytes)
      return true
    }
    return try found(perform("GET", path, total: 0, exchange), path) ? data : nil
  }

  /// Hands over the body piece by piece.
  /// - Parameter sink: false ends the transfer.
  /// - Returns: false when there is no such object.
  func get(_ path: String, sink: @escaping (UnsafeRawBufferPointer) -> Bool) throws -> Bool {
    let exchange = Exchange()
    exchange.sink = sink
    return try found(perform("GET", path, total: 0, exchange), path)
  }

  /// - Parameters:
  ///   - size: bytes of the body.
  ///   - source: fills a buffer and says with how much; 0 at the end, nil to give up.
  func put(_ path: String, size: Int, source: @escaping (UnsafeMutableRawBufferPointer) -> Int?) throws {
    let exchange = Exchange()
    exchange.source = source
    let answer = try perform("PUT", path, size: size, total: 0, exchange)
    guard (200...299).contains(answer) else { throw refusal(answer, "PUT", path) }
  }

  func put(_ path: String, _ data: Data) throws {
    var offset = 0
    try put(path, size: data.count) { buffer in
      let count = min(buffer.count, data.count - offset)
      if count > 0 { data.copyBytes(to: buffer, from: (data.startIndex + offset)..<(data.startIndex + offset + count)) }
      offset += count
      return count
    }
  }

  private func found(_ status: Int, _ path: String) throws -> Bool {
    if (200...299).contains(status) { return true }
    if status == 404 || status == 410 { return false }
    throw refusal(status, "GET", path)
  }

  private func refusal(_ status: Int, _ method: String, _ path: String) -> RemoteProblem {
    let reason =
      switch status {
      case 401, 403: "permission is refused; put user and password into ~/.netrc or the address"
      case 405, 501: "the server does not take files there"
      case 413: "the server takes no files of this size"
      case 507: "the server's disk is full"
      case 500...599: "the server failed"
      default: "not an answer of a cache"
      }
    return RemoteProblem(message: "\(address)\(path.prefix(12))…: \(method) got status \(status): \(reason)")
  }

  /// - Returns: the status of the answer.
  private func perform(_ method: String, _ path: String, size: Int = 0, total: Int, _ exchange: Exchange) throws -> Int
  {
    let session = try idle.withLock { $0.popLast() } ?? open()
    var answer = http_answer()
    withExtendedLifetime(exchange) {
      method.withCString { method in
        (address.text + path).withCString { url in
          withOptionalCString(address.user) { user in
            withOptionalCString(address.password) { password in
              var request = http_request()
              request.method = method
              request.url = url
              request.user = user
              request.password = password
              request.connect_ms = limits.connect
              request.total_ms = total
              request.stall_seconds = limits.stall
              request.stall_rate = limits.rate
              request.body_size = Int64(size)
              request.context = Unmanaged.passUnretained(exchange).toOpaque()
              request.source = { bytes, capacity, context in
                let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()  // set above
                return exchange.source(UnsafeMutableRawBufferPointer(start: bytes, count: capacity)) ?? -1
              }
              request.sink = { bytes, count, context in
                let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()  // set above
                return exchange.sink(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
              }
              http_perform(session.pointer, &request, &answer)
            }
          }
        }
      }
    }
    guard answer.failed == 0 else {
      http_close(session.pointer)
      let message = withUnsafeBytes(of: answer.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw RemoteProblem(message: "\(address): \(message)")
    }
    idle.withLock { $0.append(session) }
    return answer.status
  }

  private func open() throws -> Session {
    if let problem = http_problem() { throw RemoteProblem(message: String(cString: problem)) }
    guard let pointer = http_open() else { throw RemoteProblem(message: "libcurl cannot open a connection") }
    return Session(pointer: pointer)
  }
}

private func withOptionalCString(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Void) {
  if let text { text.withCString { body($0) } } else { body(nil) }
}
