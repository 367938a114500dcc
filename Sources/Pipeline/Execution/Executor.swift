/// All that an executor needs to start one worker.
struct WorkOrder: Sendable {
  var job: WorkerJob
  /// 1 for the first attempt of this run.
  var attempt: Int
  var record: RunRecord
  /// The pipeline's name, for people.
  var pipeline: String
  var environment: [String: String]
  /// Called for every event, in order.
  var onEvent: @Sendable (WorkerEvent) -> Void
  /// Called once, after the last event.
  var onExit: @Sendable (WorkerExit) -> Void
}

/// A worker that was started, wherever it is.
protocol WorkerHandle: Sendable {
  /// The run is to end: the stage saves its work, or goes on without the run where it can.
  func requestStop()
  /// The stage has used up its time: it may still save its work.
  func endSoon()
  /// Nobody waits any longer.
  func end()
}

/// Starts workers. The runner knows nothing else of where they run.
protocol Executor: Sendable {
  /// - Throws: `FileProblem` when the worker cannot be started.
  func start(_ order: WorkOrder) throws -> any WorkerHandle
}
