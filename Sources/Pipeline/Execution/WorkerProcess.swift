import Basics
import Foundation
import Synchronization

/// How a worker process ended.
struct WorkerExit: Hashable, Sendable {
  /// Exit status; nil when a signal ended it.
  var status: Int32?
  var signal: Int32?
  /// Largest resident memory in bytes.
  var peakMemory: Int
  /// Whether the kernel ended a process for memory meanwhile.
  var outOfMemory: Bool

  var text: String {
    if let signal {
      if outOfMemory {
        return "the kernel ended the worker because memory ran out (it held \(byteText(peakMemory)) at most)"
      }
      let name = String(cString: strsignal(signal))
      return "the worker was ended by signal \(signal) (\(name)); it held \(byteText(peakMemory)) at most"
    }
    return "the worker ended with status \(status ?? -1) without saying why"
  }
}

/// A worker in a process group of its own: events come from a pipe, a closing of its standard input tells it to stop.
final class WorkerProcess: Sendable {
  let pid: pid_t
  private let input: Int32
  private let state = Mutex((inputOpen: true, ended: false))

  private init(pid: pid_t, input: Int32) {
    self.pid = pid
    self.input = input
  }

  /// Starts `executable arguments… jobPath`. Standard output and error go to the log file.
  /// - Parameters:
  ///   - onEvent: called from a thread of its own for every event, in order.
  ///   - onExit: called once, after the last event.
  /// - Throws: `FileProblem` when the process cannot be started.
  static func start(
    command: [String], jobPath: String, logPath: String, environment: [String: String],
    onEvent: @escaping @Sendable (WorkerEvent) -> Void, onExit: @escaping @Sendable (WorkerExit) -> Void
  ) throws -> WorkerProcess {
    var inputPipe: [Int32] = [-1, -1]
    var eventPipe: [Int32] = [-1, -1]
    guard openPipe(&inputPipe) == 0 else { throw FileProblem("open a pipe for", jobPath, code: errno) }
    guard openPipe(&eventPipe) == 0 else {
      let code = errno
      inputPipe.forEach { close($0) }
      throw FileProblem("open a pipe for", jobPath, code: code)
    }
    let opened = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    let log = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, firstOwnDescriptor)
    if opened >= 0 { close(opened) }
    guard log >= 0 else {
      let code = errno
      (inputPipe + eventPipe).forEach { close($0) }
      throw FileProblem("write the log", logPath, code: code)
    }
    defer {
      close(inputPipe[0])
      close(eventPipe[1])
      close(log)
    }
    let memoryEvents = OutOfMemory.count()
    let pid: pid_t
    do {
      pid = try spawn(
        command + [jobPath], environment: environment,
        descriptors: [(inputPipe[0], 0), (log, 1), (log, 2), (eventPipe[1], Worker.eventDescriptor)])
    } catch {
      close(inputPipe[1])
      close(eventPipe[0])
      throw error
    }
    let worker = WorkerProcess(pid: pid, input: inputPipe[1])
    let output = eventPipe[0]
    let thread = Thread {
      Self.readEvents(output, onEvent)
      close(output)
      let exit = worker.wait(memoryEvents: memoryEvents)
      onExit(exit)
    }
    thread.start()
    return worker
  }

  /// A pipe that no other child inherits, with numbers above those that the worker gets. Only the runner's actor starts
  /// processes, so no other start comes in between.
  private static func openPipe(_ ends: inout [Int32]) -> Int32 {
    var low: [Int32] = [-1, -1]
    guard pipe(&low) == 0 else { return -1 }
    ends = low.map { fcntl($0, F_DUPFD_CLOEXEC, firstOwnDescriptor) }
    let code = errno
    low.forEach { close($0) }
    guard ends.allSatisfy({ $0 >= 0 }) else {
      for end in ends where end >= 0 { close(end) }
      errno = code
      return -1
    }
    return 0
  }

  /// The worker gets 0 to 3.
  private static let firstOwnDescriptor: Int32 = 10

  private static func spawn(
    _ command: [String], environment: [String: String], descriptors: [(from: Int32, to: Int32)]
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // All sources are above all targets, so none is overwritten while it is needed.
    for descriptor in descriptors { posix_spawn_file_actions_adddup2(&actions, descriptor.from, descriptor.to) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
    variables.append(nil)
    defer { (arguments + variables).forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, command[0], &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw FileProblem("start", command[0], code: code) }
    return pid
  }

  private static func readEvents(_ fd: Int32, _ onEvent: (WorkerEvent) -> Void) {
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = read(fd, &buffer, buffer.count)
      if n < 0 && errno == EINTR { continue }
      if n <= 0 { return }
      pending += buffer[0..<n]
      while let end = pending.firstIndex(of: 10) {
        let line = Array(pending[..<end])
        pending.removeSubrange(...end)
        // A line that is not an event can only come from a worker that is going down; its exit tells what happened.
        if let json = try? line.withUnsafeBytes({ try JSON(parsing: $0) }), let event = WorkerEvent(json) {
          onEvent(event)
        }
      }
    }
  }

  private func wait(memoryEvents: Int?) -> WorkerExit {
    var status: Int32 = 0
    var usage = rusage()
    while wait4(pid, &status, 0, &usage) < 0 && errno == EINTR {}
    state.withLock { state in
      state.ended = true
      if state.inputOpen { close(input) }
      state.inputOpen = false
    }
    kill(-pid, SIGKILL)  // whatever it started must not outlive it
    let signal = status & 0x7f
    let killedForMemory = signal == SIGKILL && (OutOfMemory.count() ?? 0) > (memoryEvents ?? 0)
    return WorkerExit(
      status: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
      peakMemory: Int(usage.ru_maxrss) * 1024, outOfMemory: killedForMemory)
  }

  /// Asks the stage to save its work and end.
  func requestStop() {
    state.withLock { state in
      guard state.inputOpen else { return }
      var byte: UInt8 = 10
      _ = write(input, &byte, 1)  // a worker that is gone needs no telling
    }
  }

  /// Sends a signal to the worker and all it started.
  func signal(_ number: Int32) {
    state.withLock { state in if !state.ended { kill(-pid, number) } }
  }
}
