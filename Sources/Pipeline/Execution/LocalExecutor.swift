import Foundation
import Synchronization

/// Runs each worker as a process of this machine.
final class LocalExecutor: Executor {
  private struct Server {
    var process: ForkServer?
    var environment: [String: String] = [:]
    /// How many there were.
    var started: Int
  }

  /// Executable and arguments of the worker; the job's path is added.
  private let command: [String]
  private let store: Store
  private let server: Mutex<Server>
  /// After so many fork servers workers are started directly: whatever ends the servers, it must not end the run.
  private static let mostServers = 3

  /// - Parameter forks: whether workers are forks of a `ForkServer`; else each is started by itself.
  init(command: [String], store: Store, forks: Bool) {
    self.command = command
    self.store = store
    server = Mutex(Server(started: forks ? 0 : Self.mostServers))
  }

  /// No worker is started any more.
  func close() { server.withLock { $0 = Server(started: Self.mostServers) } }

  func start(_ order: WorkOrder) throws -> any WorkerHandle {
    let instance = order.job.instance.id
    let path = order.record.jobPath(instance, order.attempt)
    try store.write(Data(order.job.json.canonical.utf8), to: path, sync: .none)
    return try WorkerProcess.start(
      jobPath: path, logPath: order.record.logPath(instance), onEvent: order.onEvent, onExit: order.onExit
    ) { files in
      if let pid = try fork(path, order, files) { return pid }
      switch ProcessStart(
        command + [path], environment: order.environment, files: files, leadsGroup: true)()
      {
      case .success(let pid): return pid
      case .failure(let error): throw FileProblem("start", command[0], code: error.code)
      }
    }
  }

  /// - Returns: nil when there is no server to do it.
  private func fork(_ job: String, _ order: WorkOrder, _ files: [Int32]) throws -> pid_t? {
    try server.withLock { server in
      // Address and limits of the remote cache reach a worker through its environment.
      if server.environment != order.environment { server.process = nil }
      while server.process != nil || server.started < Self.mostServers {
        if server.process == nil {
          server.started += 1
          // An obstacle to the server is reported once it also hinders a worker.
          server.process = try? ForkServer(command: command, environment: order.environment)
          server.environment = order.environment
        }
        if let pid = try server.process?.start(job: job, of: order.job.instance, files: files) { return pid }
        server.process = nil
      }
      return nil
    }
  }
}

extension WorkerProcess: WorkerHandle {
  func endSoon() { signal(SIGTERM) }
  func end() { signal(SIGKILL) }
}
