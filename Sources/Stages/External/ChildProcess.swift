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
    var pid = pid_t()
    try spawn(program, arguments, environment, folder: folder, output: output, pid: &pid)
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

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], folder: URL, output: URL,
    pid: inout pid_t
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    try changeFolder(&actions, folder)
    closeOthers(&actions)
    // Signals as a shell would leave them: the worker may block or ignore some.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var argv = arguments.map { strdup($0) } + [nil]
    var variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + variables { free(pointer) } }
    let code = posix_spawn(&pid, program, &actions, &attributes, &argv, &variables)
    guard code == 0 else { throw StageFailure("`\(program)` cannot be started: \(reason(code))") }
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

  private typealias AddChangeFolder =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>)
    -> Int32

  /// `posix_spawn_file_actions_addchdir_np`, which glibc has since 2.29 but its Swift module does not show.
  private static func changeFolder(_ actions: inout posix_spawn_file_actions_t, _ folder: URL) throws {
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addchdir_np") else {
      throw StageFailure(
        "this C library cannot start programs in another folder", help: "glibc 2.29 or newer is needed")
    }
    let add = unsafeBitCast(symbol, to: AddChangeFolder.self)
    guard add(&actions, folder.path) == 0 else { throw StageFailure("\(folder.path) cannot be a program's folder") }
  }

  private typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

  /// Keeps the worker's open files, locks among them, from living on in the program (glibc 2.34 and newer; before that only
  /// those without close-on-exec get through).
  private static func closeOthers(_ actions: inout posix_spawn_file_actions_t) {
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return }
    _ = unsafeBitCast(symbol, to: AddCloseFrom.self)(&actions, 3)
  }
}

/// Follows a growing log file and keeps its last lines.
private struct LogReader {
  let services: any StageServices
  private let handle: FileHandle?
  private var pending = Data()
  private(set) var tail: [String] = []

  init(url: URL, services: any StageServices) {
    self.services = services
    // The log is for people: a program whose log cannot be read back has still done its work.
    handle = try? FileHandle(forReadingFrom: url)
  }

  mutating func poll() {
    guard let data = try? handle?.readToEnd(), !data.isEmpty else { return }  // as above
    pending += data
    while let end = pending.firstIndex(of: 10) {
      take(pending[pending.startIndex..<end])
      pending = Data(pending[pending.index(after: end)...])
    }
  }

  mutating func finish() {
    poll()
    if !pending.isEmpty { take(pending) }
    pending = Data()
  }

  private mutating func take(_ bytes: Data) {
    let line = String(decoding: bytes.last == 13 ? bytes.dropLast() : bytes, as: UTF8.self)
    services.log(line)
    tail.append(line)
    if tail.count > 20 { tail.removeFirst() }
  }
}
