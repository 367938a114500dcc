import Foundation

/// Runs each worker as a process of this machine.
struct LocalExecutor: Executor {
  /// Executable and arguments of the worker; the job's path is added.
  let command: [String]
  let store: Store

  func start(_ order: WorkOrder) throws -> any WorkerHandle {
    let instance = order.job.instance.id
    let path = order.record.jobPath(instance, order.attempt)
    try store.write(Data(order.job.json.canonical.utf8), to: path, sync: .none)
    return try WorkerProcess.start(
      command: command, jobPath: path, logPath: order.record.logPath(instance), environment: order.environment,
      onEvent: order.onEvent, onExit: order.onExit)
  }
}

extension WorkerProcess: WorkerHandle {
  func endSoon() { signal(SIGTERM) }
  func end() { signal(SIGKILL) }
}
