import Basics
import Foundation

/// Brings a pipeline up to date. Performs what `Scheduler` decides: evaluates instances, starts workers, passes on signals,
/// records and publishes results.
public actor Runner {
  private enum Message: Sendable {
    case evaluated(Int, Result<Evaluation, any Error>)
    case worker(Int, WorkerEvent)
    case exited(Int, WorkerExit)
    case published(Int, String?)
    case launch(Int)
    case timeout(Int, attempt: Int)
    case endTimeout(Int, attempt: Int)
    case signal(Int32)
  }

  /// One instance's work in this run.
  private struct Work {
    var resolution: StageResolution
    var mode: WorkerJob.Mode
    var withheld: [String: String]
    var reasons: [RunReason]
    var attempt = 0
    var process: WorkerProcess?
    var outcome: WorkerEvent?
    var timedOut = false
  }

  private let pipeline: ResolvedPipeline
  private let store: Store
  private let options: RunOptions
  private let planner: Planner
  private let publisher: Publisher
  private let observe: @Sendable (RunEvent) -> Void
  private let inbox: AsyncStream<Message>
  private let send: AsyncStream<Message>.Continuation
  private let pool = OperationQueue()

  private var scheduler: Scheduler
  private var latest: LatestResults
  private var record: RunRecord?
  private var work: [Int: Work] = [:]
  private var results: [Int: StageResult] = [:]
  private var ran: Set<Int> = []
  private var samplesRun = 0
  private var failures: [Int: String] = [:]
  private var gates: [Int: GateStatus] = [:]
  private var lookAgain: [Int: Int] = [:]
  private var publishing = 0
  private var signalled: Int32?
  private var isAbandoned = false
  private var lastUpdate = ContinuousClock.now
  private let start = ContinuousClock.now
  /// How often an instance is looked at again because its input changed or a stored file was damaged.
  private static let maxLooks = 5
  /// Between the request to stop and the end by force.
  private static let grace = Duration.seconds(10)

  /// - Throws: `Diagnostic` for unknown targets, `StageFailure` or `FileProblem` when the store cannot be used.
  public init(
    pipeline: ResolvedPipeline, store: Store, options: RunOptions, observe: @escaping @Sendable (RunEvent) -> Void
  ) throws {
    self.pipeline = pipeline
    self.store = store
    self.options = options
    self.observe = observe
    let outputs = options.outputsFolder + "/" + fileName(for: pipeline.name)
    planner = try Planner(
      pipeline: pipeline, store: store, salt: options.salt, threads: options.cpus, outputsFolder: outputs)
    publisher = Publisher(folder: outputs, mode: options.publish, store: store, pipeline: pipeline.name)
    latest = try LatestResults(pipeline: pipeline.name, store: store)
    (inbox, send) = AsyncStream.makeStream(of: Message.self)
    pool.maxConcurrentOperationCount = max(2, options.cpus)
    let graph = Graph(pipeline.instances)
    let targets = options.targets.isEmpty ? pipeline.targets : options.targets
    let wanted = graph.ancestors(of: targets.compactMap { pipeline.position(of: $0) })
    scheduler = Scheduler(
      graph: graph, wanted: wanted, limits: .init(cpus: options.cpus, memory: options.memory),
      maxJobs: options.maxJobs, keepGoing: options.keepGoing)
  }

  /// Tells the run about a signal: the first lets stages save their work, the second ends them at once.
  public nonisolated func signal(_ number: Int32) { send.yield(.signal(number)) }

  /// - Throws: `FileProblem` when the store cannot be written.
  public func run() async throws -> RunSummary {
    try store.prepare()
    observe(
      .runStarted(
        id: nil, pipeline: pipeline.name, instances: scheduler.states.count { $0 != .left }))
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

  private var isFinished: Bool {
    if isAbandoned { return work.values.allSatisfy { $0.process == nil } }
    return scheduler.isFinished && publishing == 0 && work.values.allSatisfy { $0.process == nil }
  }

  private func perform() throws {
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

  private func emit(_ event: RunEvent) {
    observe(event)
    record?.append(event)
  }

  // MARK: - Evaluation

  private func evaluate(_ vertex: Int) throws {
    let instance = pipeline.instances[vertex]
    let known = results
    let position = pipeline.position(of:)
    let planner = planner
    let send = send
    let inputs = Result {
      try planner.inputs(of: instance) { id in position(id).flatMap { known[$0] } }
    }
    let forced = options.force.contains(instance.id) && !ran.contains(vertex)
    // What reads no files of the user's is found up to date in microseconds; handing it to a thread would cost more.
    if instance.gate == nil, let stage = try? planner.resolver.load(instance), stage.sources.isEmpty,
      !stage.hasExternalFiles
    {
      let result = Result { try planner.evaluate(instance, inputs: inputs.get(), forced: forced) }
      try evaluated(vertex, result)
      return
    }
    pool.addOperation {
      send.yield(.evaluated(vertex, Result { try planner.evaluate(instance, inputs: inputs.get(), forced: forced) }))
    }
  }

  private func evaluated(_ vertex: Int, _ result: Result<Evaluation, any Error>) throws {
    let instance = pipeline.instances[vertex]
    switch result {
    case .success(.upToDate(let found)):
      complete(vertex, found)
      if !ran.contains(vertex) {
        emit(
          .upToDate(
            instance: instance.id, samples: found.outputs.values.filter { $0.layout == .samples }.map(\.count).max()))
      }
    case .success(.gate(let status)):
      gates[vertex] = status
      emit(.gate(status, steps: status.nextSteps(options.fileArguments)))
      scheduler.waiting(vertex)
      cutOff(below: vertex)
    case .success(.work(let resolution, let mode, let withheld, _)):
      let reasons = Explanation.reasons(
        key: resolution.key, latest: latest.keys[instance.id], forced: options.force.contains(instance.id),
        fresh: resolution.listings, store: store)
      work[vertex] = Work(resolution: resolution, mode: mode, withheld: withheld, reasons: reasons)
      scheduler.needsRun(vertex, demand(instance))
    case .failure(let error as DamagedBlob): try rebuild(vertex, error)
    case .failure(let error): fail(vertex, error)
    }
  }

  private func demand(_ instance: StageInstance) -> Scheduler.Demand {
    .init(
      cpus: min(max(1, instance.resources.cpus ?? options.cpus), options.cpus),
      memory: min(instance.resources.memory ?? 0, options.memory))
  }

  private func complete(_ vertex: Int, _ result: StageResult) {
    results[vertex] = result
    work[vertex] = nil
    scheduler.done(vertex)
    let publisher = publisher
    let id = pipeline.instances[vertex].id
    guard !publisher.isUpToDate(result, instance: id) else { return }
    publishing += 1
    let send = send
    pool.addOperation {
      do {
        try publisher.publish(result, instance: id)
        send.yield(.published(vertex, nil))
      } catch {
        send.yield(.published(vertex, describe(error)))
      }
    }
  }

  private func fail(_ vertex: Int, _ error: any Error) {
    var message = describe(error)
    var help: String?
    if let failure = error as? StageFailure { (message, help) = (failure.message, failure.help) }
    if let problem = error as? FileProblem { (message, help) = (problem.message, problem.help) }
    if let problems = error as? ParameterProblems {
      message = problems.diagnostics.map(\.message).joined(separator: "\n")
    }
    fail(vertex, message, help: help, log: nil)
  }

  private func fail(_ vertex: Int, _ message: String, help: String?, log: String?) {
    failures[vertex] = message
    work[vertex] = nil
    emit(.failed(instance: pipeline.instances[vertex].id, message: message, help: help, log: log))
    scheduler.failed(vertex)
    cutOff(below: vertex)
  }

  private func cutOff(below vertex: Int) {
    for (position, state) in scheduler.states.enumerated() {
      if case .cut(let by, let isWaiting) = state, by == vertex {
        emit(
          .skipped(
            instance: pipeline.instances[position].id, because: pipeline.instances[vertex].id, isWaiting: isWaiting))
      }
    }
  }

  /// A stored file that this instance reads is damaged: those that delivered its inputs have to look again.
  private func rebuild(_ vertex: Int, _ damage: DamagedBlob) throws {
    lookAgain[vertex, default: 0] += 1
    let instance = pipeline.instances[vertex]
    guard lookAgain[vertex, default: 0] <= Self.maxLooks, !instance.upstream.isEmpty else {
      fail(
        vertex, "\(damage) and could not be rebuilt", help: "`pipeline cache verify` checks the whole store", log: nil)
      return
    }
    emit(.note(instance: instance.id, message: "\(damage); rebuilding what made it"))
    work[vertex] = nil
    for upstream in instance.upstream {
      guard let position = pipeline.position(of: upstream), let result = results[position] else { continue }
      try store.forget(result.key)
      results[position] = nil
      ran.remove(position)
      scheduler.redo(position)
    }
    scheduler.block(vertex)
  }

  // MARK: - Workers

  private func launch(_ vertex: Int) throws {
    guard var item = work[vertex] else { return }
    let instance = pipeline.instances[vertex]
    if record == nil {
      let record = try RunRecord(pipeline: pipeline, command: options.command, store: store)
      self.record = record
      emit(.runStarted(id: record.id, pipeline: pipeline.name, instances: scheduler.states.count { $0 != .left }))
    }
    guard let record else { return }
    item.attempt += 1
    item.outcome = nil
    item.timedOut = false
    let demand = demand(instance)
    let job = WorkerJob(
      instance: instance, mode: item.mode, run: record.id, store: store.root, durable: store.durable,
      key: item.resolution.key, group: item.resolution.group, inputs: item.resolution.inputs,
      sources: item.resolution.sources, samples: item.resolution.samples ?? [], withheld: item.withheld,
      force: options.force.contains(instance.id) && !ran.contains(vertex), threads: demand.cpus,
      listings: item.resolution.listings)
    let path = record.jobPath(instance.id, item.attempt)
    try Data(job.json.canonical.utf8).write(to: URL(fileURLWithPath: path))
    let send = send
    do {
      item.process = try WorkerProcess.start(
        command: options.workerCommand, jobPath: path, logPath: record.logPath(instance.id),
        environment: Self.environment(threads: demand.cpus),
        onEvent: { send.yield(.worker(vertex, $0)) }, onExit: { send.yield(.exited(vertex, $0)) })
    } catch {
      fail(vertex, error)
      return
    }
    let attempt = item.attempt
    if let limit = instance.timeout {
      Task {
        try? await Task.sleep(for: .seconds(limit))  // never cancelled
        send.yield(.timeout(vertex, attempt: attempt))
      }
    }
    work[vertex] = item
  }

  /// What a worker sees of the environment: enough to find programs, nothing that could change a result.
  private static func environment(threads: Int) -> [String: String] {
    let own = ProcessInfo.processInfo.environment
    var passed = ["LC_ALL": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": String(threads)]
    for name in ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "SWIFT_BACKTRACE"] {
      passed[name] = own[name]
    }
    return passed
  }

  private func handle(_ message: Message) throws {
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
      guard work[vertex]?.attempt == attempt, let process = work[vertex]?.process else { return }
      work[vertex]?.timedOut = true
      process.signal(SIGTERM)
      let send = send
      Task {
        try? await Task.sleep(for: Self.grace)  // never cancelled
        send.yield(.endTimeout(vertex, attempt: attempt))
      }
    case .endTimeout(let vertex, let attempt):
      if work[vertex]?.attempt == attempt { work[vertex]?.process?.signal(SIGKILL) }
    case .signal(let number):
      let isFirst = signalled == nil
      signalled = signalled ?? number
      scheduler.stop()
      for item in work.values {
        if isFirst { item.process?.requestStop() } else { item.process?.signal(SIGKILL) }
      }
      // Between two attempts nothing runs; hashing in the background need not be waited for: it leaves nothing behind.
      for (vertex, item) in work where item.process == nil && scheduler.states[vertex] == .running { stopped(vertex) }
      isAbandoned = !isFirst
      if isFirst {
        emit(.note(instance: nil, message: "stopping: stages save their work (again to stop at once)"))
      }
    }
  }

  private func handle(_ event: WorkerEvent, of vertex: Int) {
    let id = pipeline.instances[vertex].id
    switch event {
    case .waiting(let holder): emit(.waitingForOther(instance: id, holder: holder))
    case .started(let toRun, let reused):
      let item = work[vertex]
      emit(
        .started(
          instance: id, toRun: toRun, reused: reused, reasons: item?.reasons.map(\.text) ?? [],
          attempt: item?.attempt ?? 1))
      samplesRun += toRun
    case .progress(let progress): emit(.progress(instance: id, progress))
    case .done, .samplesDone, .stopped, .failed: work[vertex]?.outcome = event
    }
  }

  private func exited(_ vertex: Int, _ exit: WorkerExit) throws {
    guard var item = work[vertex] else { return }
    item.process = nil
    work[vertex] = item
    let instance = pipeline.instances[vertex]
    switch item.outcome {
    case .done(let result, let reused)?:
      emit(
        .finished(
          instance: instance.id, seconds: result.made.seconds, samplesRun: reused ? 0 : result.made.samplesRun,
          samplesReused: result.made.samplesReused, reused: reused))
      ran.insert(vertex)
      complete(vertex, result)
      // Only a help for `explain`; writing it for every stage of thousands would cost more than the stages.
      if ContinuousClock.now - lastUpdate > .seconds(1) {
        try latest.update(keys)
        lastUpdate = .now
      }
    case .samplesDone?:
      // The gate decides with the results that are there now.
      work[vertex] = nil
      scheduler.again(vertex)
    case .stopped? where !item.timedOut: stopped(vertex)
    case .failed(let failure)? where failure.kind == .changed:
      lookAgain[vertex, default: 0] += 1
      if lookAgain[vertex, default: 0] <= Self.maxLooks {
        emit(.note(instance: instance.id, message: "\(failure.message); its result is not kept; looking again"))
        work[vertex] = nil
        scheduler.again(vertex)
      } else {
        fail(vertex, failure.message, help: "run again once nothing writes to it", log: nil)
      }
    case .failed(let failure)? where failure.kind == .damaged:
      try rebuild(vertex, DamagedBlob(digest: Digest.of(failure.message), reason: failure.message))
    default:
      if signalled != nil {
        stopped(vertex)
        return
      }
      let message: String
      var help: String?
      if item.timedOut {
        message = "ended after its time limit of \(durationText(instance.timeout ?? 0))"
        help = "raise `timeout` on `\(instance.stage)`; finished samples and checkpoints are kept"
      } else if case .failed(let failure)? = item.outcome {
        message = failure.message
        help = failure.help
      } else {
        message = exit.text
        if exit.outOfMemory { help = "declare `resources: { memory: ... }` so that fewer stages run at once" }
      }
      retryOrFail(vertex, item, message, help: help)
    }
  }

  private func retryOrFail(_ vertex: Int, _ item: Work, _ message: String, help: String?) {
    let instance = pipeline.instances[vertex]
    guard item.attempt <= instance.retries, !scheduler.isStopping else {
      fail(vertex, message, help: help, log: record?.logPath(instance.id))
      return
    }
    // 1, 2, 4 … 60 seconds.
    let delay = min(60, Double(1 << min(item.attempt - 1, 6)))
    emit(
      .retry(
        instance: instance.id, attempt: item.attempt + 1, of: instance.retries + 1, delay: delay, message: message))
    let send = send
    Task {
      try? await Task.sleep(for: .seconds(delay))  // never cancelled
      send.yield(.launch(vertex))
    }
  }

  private func stopped(_ vertex: Int) {
    guard !scheduler.states[vertex].isFinal else { return }
    work[vertex] = nil
    scheduler.stopped(vertex)
    emit(.stopped(instance: pipeline.instances[vertex].id))
  }

  private var keys: [String: Digest] {
    Dictionary(results.map { (pipeline.instances[$0].id, $1.key) }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: - End

  private func finish() throws -> RunSummary {
    try latest.update(keys)
    try store.files.save { try store.write($0, to: store.root + "/index/files", syncFolder: false) }
    let states = scheduler.states
    var summary = RunSummary(
      run: record?.id, seconds: start.duration(to: .now).seconds, upToDate: 0, ran: ran.count, samplesRun: samplesRun,
      failed: failures.keys.sorted().map { pipeline.instances[$0].id },
      waiting: gates.keys.sorted().filter { states[$0] == .waiting }.compactMap { gates[$0] },
      skipped: states.count { if case .cut = $0 { true } else { false } }, stopped: states.count { $0 == .stopped },
      signal: signalled, reports: [], texts: [])
    summary.upToDate = states.count { $0 == .done } - ran.count
    addTexts(to: &summary)
    if let record {
      record.append(.runFinished(summary))
      var outcomes: [String: JSON] = [:]
      for (vertex, state) in states.enumerated() where state != .left {
        outcomes[pipeline.instances[vertex].id] = outcome(vertex, state)
      }
      try record.finish(summary, results: outcomes)
    }
    observe(.runFinished(summary))
    return summary
  }

  private func outcome(_ vertex: Int, _ state: Scheduler.State) -> JSON {
    var members: [String: JSON] = ["state": .string(Self.name(of: state))]
    if let result = results[vertex] {
      members["key"] = .string(result.key.hex)
      members["ran"] = .bool(ran.contains(vertex))
      members["seconds"] = .double(result.made.seconds)
      members["outputs"] = .object(result.outputs.mapValues(\.json))
    }
    members["message"] = failures[vertex].map(JSON.string)
    return .object(members)
  }

  private static func name(of state: Scheduler.State) -> String {
    switch state {
    case .done: "done"
    case .failed: "failed"
    case .waiting: "waiting"
    case .cut(_, let isWaiting): isWaiting ? "behind a gate" : "skipped"
    case .stopped: "stopped"
    default: "not run"
    }
  }

  /// Output files named `summary.txt` are shown at the end of a run, `report.html` is pointed to.
  private func addTexts(to summary: inout RunSummary) {
    let graph = Graph(pipeline.instances)
    for (vertex, result) in results.sorted(by: { $0.key < $1.key }) {
      // Of hundreds of stages only the last ones have something to say.
      if results.count > 200, !graph.downstream[vertex].isEmpty { continue }
      for (port, reference) in result.outputs.sorted(by: { $0.key < $1.key }) where reference.layout == .files {
        // Only for show: what cannot be read is left out.
        guard reference.count < 10_000, let artifact = try? store.artifact(reference) else { continue }
        let id = pipeline.instances[vertex].id
        if let file = artifact.files["summary.txt"], let data = try? store.data(file.digest) {  // only for show
          summary.texts.append((id, String(decoding: data, as: UTF8.self)))
        }
        if artifact.files["report.html"] != nil, options.publish != .none {
          summary.reports.append(publisher.place(id, port) + "/report.html")
        }
      }
    }
  }
}

/// `1 h 05 min`, `2 min 03 s`, `4.2 s`.
public func durationText(_ seconds: Double) -> String {
  if seconds < 10 { return String(format: "%.1f s", seconds) }
  let whole = Int(seconds.rounded())
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
  return String(format: "%d h %02d min", whole / 3600, whole % 3600 / 60)
}
