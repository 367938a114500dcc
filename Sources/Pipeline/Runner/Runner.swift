import Basics
import Foundation

/// Brings a pipeline up to date. Performs what `Scheduler` decides: evaluates instances, starts workers, passes on signals,
/// records and publishes results.
public actor Runner {
  enum Message: Sendable {
    case evaluated(Int, Result<Evaluation, any Error>)
    case worker(Int, WorkerEvent)
    case exited(Int, WorkerExit)
    case published(Int, String?)
    case launch(Int)
    case timeout(Int, attempt: Int)
    case endTimeout(Int, attempt: Int)
    case keepLatest
    case note(String)
    case signal(Int32)
  }

  let pipeline: ResolvedPipeline
  let store: Store
  let options: RunOptions
  let evaluator: InstanceEvaluator
  let publisher: Publisher
  let local: LocalExecutor
  /// Nil when everything runs on this machine.
  let slurm: SlurmExecutor?
  let observe: @Sendable (RunEvent) -> Void
  let inbox: AsyncStream<Message>
  let send: AsyncStream<Message>.Continuation
  let pool = OperationQueue()
  /// Everything that planning looks at, for `UpToDateProof`.
  let trail: RunTrail

  var scheduler: Scheduler
  var latest: LatestResults
  var record: RunRecord?
  /// By position in the pipeline.
  var instances: [InstanceRun]
  var samplesRun = 0
  var publishing = 0
  var signalled: Int32?
  var isAbandoned = false
  /// Nil once it has failed.
  var remote: RemoteAddress?
  var isKeepingLatest = false
  let start = ContinuousClock.now
  /// How often an instance is evaluated again because its input changed or a stored file was damaged.
  static let maxExtraEvaluations = 5
  /// Between the request to stop and the end by force.
  static let grace = Duration.seconds(10)

  /// - Throws: `Diagnostic` for unknown targets, `StageFailure` or `FileProblem` when the store cannot be used.
  public init(
    pipeline: ResolvedPipeline, store: Store, options: RunOptions, observe: @escaping @Sendable (RunEvent) -> Void
  ) throws {
    try OpenFiles.ensure(jobs: min(options.maxJobs, options.cpus))
    self.pipeline = pipeline
    self.store = store
    self.options = options
    self.observe = observe
    instances = Array(repeating: InstanceRun(), count: pipeline.instances.count)
    remote = options.remote
    let outputs = options.outputsFolder + "/" + fileName(for: pipeline.name)
    let trail = RunTrail(options.request)
    self.trail = trail
    evaluator = try trail.common {
      try InstanceEvaluator(
        pipeline: pipeline, store: store, salt: options.salt, threads: options.cpus, outputsFolder: outputs)
    }
    publisher = Publisher(folder: outputs, mode: options.publish, store: store, pipeline: pipeline.name)
    local = LocalExecutor(command: options.workerCommand, store: store, forks: options.forksWorkers)
    latest = try LatestResults(pipeline: pipeline.name, store: store)
    let (inbox, send) = AsyncStream.makeStream(of: Message.self)
    (self.inbox, self.send) = (inbox, send)
    slurm =
      options.executor == .local
      ? nil
      : SlurmExecutor(
        command: options.workerCommand, store: store, options: options.slurm, note: { send.yield(.note($0)) })
    pool.maxConcurrentOperationCount = max(2, options.cpus)
    let graph = Graph(pipeline.instances)
    let targets = options.targets.isEmpty ? pipeline.targets : options.targets
    let wanted = graph.ancestors(of: targets.compactMap { pipeline.position(of: $0) })
    scheduler = Scheduler(
      graph: graph, wanted: wanted, limits: .init(cpus: options.cpus, memory: options.memory),
      maxJobs: options.maxJobs, maxBatchJobs: options.executor == .slurm ? options.slurm.maxJobs : 0,
      keepGoing: options.keepGoing)
  }

  /// Tells the run about a signal: the first lets stages save their work, the second ends them at once.
  public nonisolated func signal(_ number: Int32) { send.yield(.signal(number)) }

  /// - Throws: `FileProblem` when the store cannot be written.
  public func run() async throws -> RunSummary {
    defer { local.close() }
    try store.prepare()
    observe(
      .runStarted(
        id: nil, pipeline: pipeline.name, instances: scheduler.states.count { $0 != .left }))
    for digest in try store.mendLinked(threads: options.cpus) {
      emit(
        .note(
          instance: nil,
          message: "a published file was edited and with it stored file \(digest.short), a hard link; it is in "
            + "\(store.root)/quarantine and what made it runs again"))
    }
    try perform()
    if !isFinished {
      for await message in inbox {
        try handle(message)
        try perform()
        if isFinished { break }
      }
    }
    return try finish()
  }

  var isFinished: Bool {
    (isAbandoned || scheduler.isFinished && publishing == 0) && instances.allSatisfy { $0.work?.process == nil }
  }

  func perform() throws {
    while true {
      let actions = scheduler.actions()
      if actions.isEmpty { break }
      for action in actions {
        switch action {
        case .evaluate(let vertex): try evaluate(vertex)
        case .launch(let vertex): try launch(vertex)
        }
      }
    }
  }

  func emit(_ event: RunEvent) {
    observe(event)
    record?.append(event)
  }

  func handle(_ message: Message) throws {
    switch message {
    case .evaluated(let vertex, let result): try evaluated(vertex, result)
    case .worker(let vertex, let event): handle(event, of: vertex)
    case .exited(let vertex, let exit): try exited(vertex, exit)
    case .published(let vertex, let problem):
      publishing -= 1
      if let problem {
        emit(.note(instance: pipeline.instances[vertex].id, message: "its outputs could not be published: \(problem)"))
      }
    case .launch(let vertex):
      if scheduler.states[vertex] == .running, !scheduler.isStopping { try launch(vertex) } else { stopped(vertex) }
    case .timeout(let vertex, let attempt):
      guard instances[vertex].work?.attempt == attempt, let process = instances[vertex].work?.process else { return }
      instances[vertex].work?.timedOut = true
      process.endSoon()
      send(.endTimeout(vertex, attempt: attempt), after: Self.grace)
    case .endTimeout(let vertex, let attempt):
      if instances[vertex].work?.attempt == attempt { instances[vertex].work?.process?.end() }
    case .keepLatest:
      isKeepingLatest = false
      try latest.update(keys)
    case .note(let text): emit(.note(instance: nil, message: text))
    case .signal(let number):
      let isFirst = signalled == nil
      signalled = signalled ?? number
      scheduler.stop()
      if isFirst { announceStop() }
      for process in instances.lazy.compactMap(\.work?.process) {
        if isFirst { process.requestStop() } else { process.end() }
      }
      // Between two attempts nothing runs; hashing in the background need not be waited for: it leaves nothing behind.
      for vertex in instances.indices where scheduler.states[vertex] == .running {
        if let work = instances[vertex].work, work.process == nil { stopped(vertex) }
      }
      isAbandoned = !isFirst
    }
  }

  /// Sends the run a message later. Never cancelled: whoever handles it looks whether it still applies.
  func send(_ message: Message, after delay: Duration) {
    let send = send
    Task {
      try? await Task.sleep(for: delay)  // never cancelled
      send.yield(message)
    }
  }
}
