import Foundation

/// A program of the system's, run to its end or its deadline.
struct SystemCommand: Sendable {
  struct Ending: Hashable, Sendable {
    /// Exit status; nil when the program could not be started, or was ended by its deadline or a signal.
    var status: Int32?
    var output: String
    /// Its text on standard error, or why it did not run to its end.
    var message: String
  }

  var words: [String]
  var environment: [String: String]
  /// Seconds.
  var timeout: Double
  /// An open file that stays open until the program has ended, even if this process ends before it.
  var kept: Int32?

  /// The program is looked for in this process's PATH and has a process group of its own: a Ctrl-C is not for it.
  func callAsFunction() -> Ending {
    var out: [Int32] = [-1, -1]
    var err: [Int32] = [-1, -1]
    guard Self.openPair(&out) == 0 else { return failed("open a pipe", errno) }
    guard Self.openPair(&err) == 0 else {
      let code = errno
      out.forEach { close($0) }
      return failed("open a pipe", code)
    }
    defer {
      close(out[0])
      close(err[0])
    }
    let started = ProcessStart(
      words, environment: environment, files: [nil, out[1], err[1]] + (kept.map { [$0] } ?? []), leadsGroup: true)()
    close(out[1])
    close(err[1])
    let pid: pid_t
    switch started {
    case .success(let id): pid = id
    case .failure(let error): return failed("be started", error.code)
    }
    let end = ContinuousClock.now + .seconds(timeout)
    var output = Data()
    var errors = Data()
    var status: Int32 = 0
    while true {
      var ready = [
        pollfd(fd: out[0], events: Int16(POLLIN), revents: 0), pollfd(fd: err[0], events: Int16(POLLIN), revents: 0),
      ]
      poll(&ready, 2, 20)
      Self.drain(out[0], into: &output)
      Self.drain(err[0], into: &errors)
      let ended = waitpid(pid, &status, WNOHANG)
      if ended == pid { break }
      if ended < 0, errno != EINTR { return failed("be waited for", errno) }
      // A closed pipe is always ready; the wait for the end must not spin.
      if ready.contains(where: { $0.revents & Int16(POLLHUP) != 0 }) { usleep(5000) }
      if ContinuousClock.now > end {
        kill(-pid, SIGKILL)
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Ending(status: nil, output: "", message: "`\(words[0])` did not answer within \(durationText(timeout))")
      }
    }
    Self.drain(out[0], into: &output)
    Self.drain(err[0], into: &errors)
    let signal = status & 0x7f
    let said = String(decoding: errors, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return Ending(
      status: signal == 0 ? (status >> 8) & 0xff : nil, output: String(decoding: output, as: UTF8.self),
      message: signal == 0 ? said : "`\(words[0])` was ended by signal \(signal). \(said)")
  }

  /// Sockets: unlike pipes they can be opened so that no other child inherits them. The program's end blocks as usual.
  private static func openPair(_ ends: inout [Int32]) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let code = socketpair(AF_UNIX, kind, 0, &ends)
    if code == 0 { _ = fcntl(ends[0], F_SETFL, O_NONBLOCK) }
    return code
  }

  private func failed(_ what: String, _ code: Int32) -> Ending {
    Ending(status: nil, output: "", message: "`\(words[0])` could not \(what): \(String(cString: strerror(code)))")
  }

  private static func drain(_ fd: Int32, into data: inout Data) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = read(fd, &buffer, buffer.count)
      if n < 0, errno == EINTR { continue }
      if n <= 0 { return }
      data.append(contentsOf: buffer[0..<n])
    }
  }
}
