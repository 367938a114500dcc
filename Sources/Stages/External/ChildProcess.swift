import Foundation
import Glibc
import Pipeline

/// A child process in the worker's own process group, so that whatever ends the worker's group ends it too.
enum ChildProcess {
  enum Outcome {
    case exited(Int32, tail: [String])
    case signalled(Int32, tail: [String])
    /// The run was asked to stop; the child was ended.
    case stopped
  }

  /// Runs a program to its end. Its standard output and error go to the stage's log line by line.
  /// - Throws: `StageFailure` when the program cannot be started.
  static func run(
    _ arguments: [String], environment: [String: String], folder: URL, output: URL, services: any StageServices
  ) throws -> Outcome {
    let program = try executable(arguments[0], path: environment["PATH"], folder: folder)
    let pid = try start(program, arguments, environment, folder: folder, output: output)
    var reader = LogReader(url: output, services: services)
    var status: Int32 = 0
    var stopRequested = false
    var waited = 0.0
    while true {
      let result = waitpid(pid, &status, WNOHANG)
      if result == pid { break }
      if result < 0, errno != EINTR { throw StageFailure("waiting for `\(arguments[0])` failed: \(reason(errno))") }
      if services.isStopping {
        if !stopRequested { end(pid, SIGTERM) } else if waited > 5 { end(pid, SIGKILL) }
        stopRequested = true
        waited += 0.02
      }
      reader.poll()
      usleep(20_000)
    }
    reader.finish()
    if stopRequested { return .stopped }
    let signal = status & 0x7f
    return signal == 0
      ? .exited((status >> 8) & 0xff, tail: reader.tail) : .signalled(signal, tail: reader.tail)
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  private static func executable(_ name: String, path: String?, folder: URL) throws -> String {
    if name.contains("/") {
      guard access(name, X_OK) == 0 else { throw StageFailure("`\(name)` cannot be run: \(reason(errno))") }
      return name
    }
    let searched = path ?? "/usr/local/bin:/usr/bin:/bin"
    for directory in searched.split(separator: ":") where access("\(directory)/\(name)", X_OK) == 0 {
      return "\(directory)/\(name)"
    }
    throw StageFailure(
      "there is no program `\(name)` in \(searched)",
      help: "install it, write its whole path, or declare PATH in `environment`")
  }

  private static func start(
    _ program: String, _ arguments: [String], _ environment: [String: String], folder: URL, output: URL
  ) throws -> pid_t {
    let log = open(output.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard log >= 0 else { throw StageFailure("\(output.path) cannot be written: \(reason(errno))") }
    defer { close(log) }
    let started = ProcessStart(
      arguments, program: program, environment: environment, folder: folder.path, files: [nil, log, log],
      leadsGroup: false)()
    switch started {
    case .success(let pid): return pid
    case .failure(let error): throw StageFailure("`\(program)` cannot be started: \(error.text)")
    }
  }
}

extension ChildProcess {
  /// Signals a child and everything it started: a shell's own children would outlive it.
  private static func end(_ pid: pid_t, _ signal: Int32) {
    var parents: [pid_t: [pid_t]] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {  // without /proc only the child
      guard let process = pid_t(name), let text = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
        let close = text.lastIndex(of: ")")
      else { continue }  // it has ended meanwhile
      let fields = text[text.index(after: close)...].split(separator: " ")
      if fields.count > 1, let parent = pid_t(fields[1]) { parents[parent, default: []].append(process) }
    }
    var pending = [pid]
    var family: [pid_t] = []
    while let next = pending.popLast() {
      family.append(next)
      pending += parents[next] ?? []
    }
    for process in family { kill(process, signal) }
  }
}

/// Follows a growing log file and keeps its last lines. Each byte is read and searched once.
private struct LogReader {
  /// A line without an end is passed on in pieces of this many bytes.
  private static let longestLine = 1 << 16

  let services: any StageServices
  private let handle: FileHandle?
  private var pending: [UInt8] = []
  private(set) var tail: [String] = []

  init(url: URL, services: any StageServices) {
    self.services = services
    // The log is for people: a program whose log cannot be read back has still done its work.
    handle = try? FileHandle(forReadingFrom: url)
  }

  mutating func poll() {
    while let data = try? handle?.read(upToCount: 1 << 20), !data.isEmpty {  // as above
      // What is pending has no line end in it.
      var searched = pending.count
      pending += data
      var start = 0
      while searched < pending.count {
        if pending[searched] == 10 {
          take(pending[start..<searched])
          start = searched + 1
        } else if searched - start >= Self.longestLine {
          take(pending[start..<searched])
          start = searched
        }
        searched += 1
      }
      pending.removeFirst(start)
    }
  }

  mutating func finish() {
    poll()
    if !pending.isEmpty { take(pending[...]) }
    pending = []
  }

  private mutating func take(_ bytes: ArraySlice<UInt8>) {
    let line = String(decoding: bytes.last == 13 ? bytes.dropLast() : bytes, as: UTF8.self)
    services.log(line)
    tail.append(line)
    if tail.count > 20 { tail.removeFirst() }
  }
}
