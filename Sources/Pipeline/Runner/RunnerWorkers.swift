import Basics
import Foundation

/// Starting workers and dealing with what becomes of them.
extension Runner {
  func launch(_ vertex: Int) throws {
    guard var item = instances[vertex].work else { return }
    let instance = pipeline.instances[vertex]
    trail.drop(vertex)
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
    let isBatch = demand.isBatch
    let job = WorkerJob(
      instance: instance, mode: item.mode, run: record.id, store: store.root, durable: store.durable,
      key: item.resolution.key, group: item.resolution.group, inputs: item.resolution.inputs,
      sources: item.resolution.sources, samples: item.resolution.samples ?? [], withheld: item.withheld,
      force: isForced(vertex),
      threads: isBatch ? instance.resources.cpus ?? 0 : demand.cpus,
      listings: item.resolution.listings)
    let send = send
    let order = WorkOrder(
      job: job, attempt: item.attempt, record: record, pipeline: pipeline.name, environment: environment(),
      onEvent: { send.yield(.worker(vertex, $0)) }, onExit: { send.yield(.exited(vertex, $0)) })
    let executor: any Executor = if isBatch, let slurm { slurm } else { local }
    do { item.process = try executor.start(order) } catch {
      fail(vertex, error)
      return
    }
    // A batch job's time counts from when it leaves the queue.
    if !isBatch { watchTime(vertex, &item) }
    instances[vertex].work = item
  }

  private func watchTime(_ vertex: Int, _ item: inout InstanceRun.Work) {
    guard let limit = pipeline.instances[vertex].timeout, item.timedAttempt != item.attempt else { return }
    item.timedAttempt = item.attempt
    send(.timeout(vertex, attempt: item.attempt), after: .seconds(limit))
  }

  /// The environment of a worker: enough to find programs, nothing that could change a result.
  private func environment() -> [String: String] {
    let own = ProcessInfo.processInfo.environment
    // Nothing uses OpenBLAS's threads (the kernels have a pool of their own), but they keep a core busy waiting from the
    // moment the library is loaded.
    var passed = ["LC_ALL": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1"]
    for name in ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "SWIFT_BACKTRACE"] {
      passed[name] = own[name]
    }
    if let remote {
      passed[WorkerEnvironment.remoteVariable] = remote.secret
      passed[WorkerEnvironment.remoteLimitsVariable] = options.remoteLimits.text
      for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE"] {
        passed[name] = own[name]
      }
    }
    return passed
  }

  func handle(_ event: WorkerEvent, of vertex: Int) {
    let id = pipeline.instances[vertex].id
    switch event {
    case .waiting(let holder): emit(.waitingForOther(instance: id, holder: holder))
    case .started(let toRun, let reused):
      // A batch job that was stopped and goes on starts several times; the first time counts all its samples.
      guard var item = instances[vertex].work else { return }  // it has ended
      let isFirst = item.startedAttempt != item.attempt
      item.startedAttempt = item.attempt
      instances[vertex].work = item
      if isFirst { samplesRun += toRun }
      // Once the gate has let the samples through, the same work goes on.
      if toRun == 0, instances[vertex].samplesRunAhead != nil { return }
      if isFirst, item.mode == .samplesOnly {
        instances[vertex].samplesRunAhead = (instances[vertex].samplesRunAhead ?? 0) + toRun
      }
      emit(
        .started(
          instance: id, toRun: toRun, reused: reused, reasons: item.reasons.map(\.text), attempt: item.attempt))
    case .note(let message): emit(.note(instance: id, message: message))
    case .queue(let place):
      emit(.job(instance: id, place))
      if place.isRunning, var item = instances[vertex].work {
        watchTime(vertex, &item)
        instances[vertex].work = item
      }
    case .remoteFailed(let message):
      guard remote != nil else { return }  // said already
      remote = nil
      emit(.note(instance: nil, message: "going on without the remote cache: \(message)"))
    case .progress(let progress): emit(.progress(instance: id, progress))
    case .done, .samplesDone, .stopped, .failed: instances[vertex].work?.outcome = event
    }
  }

  func exited(_ vertex: Int, _ exit: WorkerExit) throws {
    guard var item = instances[vertex].work else { return }
    item.process = nil
    instances[vertex].work = item
    let instance = pipeline.instances[vertex]
    switch item.outcome {
    case .done(let result, let reused)?:
      let ahead = reused ? 0 : min(instances[vertex].samplesRunAhead ?? 0, result.made.samplesReused)
      emit(
        .finished(
          instance: instance.id, seconds: result.made.seconds,
          samplesRun: reused ? 0 : result.made.samplesRun + ahead, samplesReused: result.made.samplesReused - ahead,
          reused: reused))
      let left = evaluator.rejected(in: result)
      if !left.isEmpty { emit(.rejected(instance: instance.id, samples: left)) }
      instances[vertex].origin = reused ? .elsewhere : .made
      complete(vertex, result)
    case .samplesDone?:
      // The gate decides with the results that are there now.
      instances[vertex].work = nil
      scheduler.again(vertex)
    case .stopped? where !item.timedOut: stopped(vertex)
    case .failed(let failure)? where failure.kind == .changed:
      if mayEvaluateAgain(vertex) {
        emit(.note(instance: instance.id, message: "\(failure.message); its result is not kept; looking again"))
        instances[vertex].work = nil
        scheduler.again(vertex)
      } else {
        fail(vertex, failure.message, help: failure.help, log: nil)
      }
    case .failed(let failure)? where failure.kind == .damaged:
      try rebuild(vertex, failure.message)
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

  func retryOrFail(_ vertex: Int, _ item: InstanceRun.Work, _ message: String, help: String?) {
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
    send(.launch(vertex), after: .seconds(delay))
  }

  /// Tells people what becomes of the work at the first signal.
  func announceStop() {
    let isLocal = zip(pipeline.instances, instances).contains { instance, run in
      run.work?.process != nil && !demand(instance).isBatch
    }
    if isLocal || slurm == nil {
      emit(.note(instance: nil, message: "stopping: stages save their work (again to stop at once)"))
    }
    if let text = slurm?.stopMessage { emit(.note(instance: nil, message: text)) }
  }

  func stopped(_ vertex: Int) {
    guard !scheduler.states[vertex].isFinal else { return }
    instances[vertex].work = nil
    scheduler.stopped(vertex)
    emit(.stopped(instance: pipeline.instances[vertex].id))
  }
}
