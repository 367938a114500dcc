import Basics
import CProcess
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

  /// Starts a worker; what it prints goes to the log file.
  /// - Parameters:
  ///   - onEvent: called from a thread of its own for every event, in order.
  ///   - onExit: called once, after the last event.
  ///   - launch: starts a child in a process group of its own with these as standard input, output, error and pipe for events.
  /// - Throws: `FileProblem` when pipes or log cannot be opened; what `launch` throws.
  static func start(
    jobPath: String, logPath: String, onEvent: @escaping @Sendable (WorkerEvent) -> Void,
    onExit: @escaping @Sendable (WorkerExit) -> Void, launch: (_ files: [Int32]) throws -> pid_t
  ) throws -> WorkerProcess {
    var input: [Int32] = [-1, -1]
    var events: [Int32] = [-1, -1]
    var code = process_pipe(&input)
    guard code == 0 else { throw FileProblem("open a pipe for", jobPath, code: code) }
    defer { close(input[0]) }
    code = process_pipe(&events)
    guard code == 0 else {
      close(input[1])
      throw FileProblem("open a pipe for", jobPath, code: code)
    }
    defer { close(events[1]) }
    let worker: WorkerProcess
    let memoryEvents = OutOfMemory.count()
    do {
      let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      guard log >= 0 else { throw FileProblem("write the log", logPath, code: errno) }
      defer { close(log) }
      worker = WorkerProcess(pid: try launch([input[0], log, log, events[1]]), input: input[1])
    } catch {
      close(input[1])
      close(events[0])
      throw error
    }
    let output = events[0]
    let thread = Thread {
      Self.readEvents(output, onEvent)
      close(output)
      let exit = worker.wait(memoryEvents: memoryEvents)
      onExit(exit)
    }
    thread.start()
    return worker
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
        // Half a line can only come from a worker that is going down; its exit tells what happened.
        do {
          if let event = try line.withUnsafeBytes({ try WorkerEvent.read(line: $0) }) { onEvent(event) }
        } catch { onEvent(.unreadable(error)) }
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
    while waitpid(-pid, nil, WNOHANG) > 0 {}  // its orphans are this process's children
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
