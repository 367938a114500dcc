import Basics
import Foundation

/// Finding out, instance by instance, what there is to do.
extension Runner {
  func evaluate(_ vertex: Int) throws {
    let instance = pipeline.instances[vertex]
    let evaluator = evaluator
    let trail = trail
    let send = send
    let inputs = Result {
      try evaluator.inputs(of: instance) { id in pipeline.position(of: id).flatMap { instances[$0].result } }
    }
    let forced = isForced(vertex)
    // An instance that reads no files of the user's is found up to date in microseconds; handing it to a thread would cost more.
    if instance.gate == nil, !instance.opened.readsExternalFiles {
      let result = Result {
        try trail.watch(vertex) { try evaluator.evaluate(instance, inputs: inputs.get(), forced: forced) }
      }
      try evaluated(vertex, result)
      return
    }
    pool.addOperation {
      let result = Result {
        try trail.watch(vertex) { try evaluator.evaluate(instance, inputs: inputs.get(), forced: forced) }
      }
      send.yield(.evaluated(vertex, result))
    }
  }

  /// Whether results that are there do not count: until it has run once.
  func isForced(_ vertex: Int) -> Bool {
    options.force.contains(pipeline.instances[vertex].id) && instances[vertex].origin != .made
  }

  func evaluated(_ vertex: Int, _ result: Result<Evaluation, any Error>) throws {
    let instance = pipeline.instances[vertex]
    switch result {
    case .success(.upToDate(let found)):
      complete(vertex, found)
      if instances[vertex].origin != .made {
        emit(
          .upToDate(
            instance: instance.id, samples: found.outputs.values.filter { $0.layout == .samples }.map(\.count).max()))
      }
    case .success(.gate(let status)):
      instances[vertex].gate = status
      emit(.gate(status, steps: status.nextSteps(options.fileArguments)))
      scheduler.waiting(vertex)
      cutOff(below: vertex)
    case .success(.work(let resolution, let mode, let withheld, _)):
      let reasons = Explanation.reasons(
        key: resolution.key, latest: latest.keys[instance.id], forced: options.force.contains(instance.id),
        fresh: resolution.listings, store: store)
      instances[vertex].work = InstanceRun.Work(
        resolution: resolution, mode: mode, withheld: withheld, reasons: reasons)
      scheduler.needsRun(vertex, demand(instance))
    case .failure(let error as DamagedBlob): try rebuild(vertex, error.message)
    case .failure(let error): fail(vertex, error)
    }
  }

  func demand(_ instance: StageInstance) -> Scheduler.Demand {
    if slurm != nil, instance.resources.executor != .local { return .batch }
    return .init(
      cpus: min(max(1, instance.resources.cpus ?? options.cpus), options.cpus),
      memory: min(instance.resources.memory ?? 0, options.memory))
  }

  func complete(_ vertex: Int, _ result: StageResult) {
    instances[vertex].result = result
    instances[vertex].work = nil
    scheduler.done(vertex)
    keepLatestSoon()
    let publisher = publisher
    let id = pipeline.instances[vertex].id
    guard !trail.add(vertex, { publisher.isUpToDate(result, instance: id) }) else { return }
    trail.drop(vertex)
    publishing += 1
    let send = send
    pool.addOperation {
      do {
        try publisher.publish(result, instance: id)
        send.yield(.published(vertex, nil))
      } catch {
        send.yield(.published(vertex, Diagnostic(error).description))
      }
    }
  }

  /// Tells `gc` within a second which results this run stands on, and `explain` what there was should the run be killed;
  /// writing it for every stage of thousands would cost more than the stages.
  private func keepLatestSoon() {
    guard !isKeepingLatest else { return }
    isKeepingLatest = true
    send(.keepLatest, after: .seconds(1))
  }

  func fail(_ vertex: Int, _ error: any Error) {
    let problem = Diagnostic(error)
    fail(vertex, problem.message, help: problem.help, log: nil)
  }

  func fail(_ vertex: Int, _ message: String, help: String?, log: String?) {
    instances[vertex].failure = message
    instances[vertex].work = nil
    emit(.failed(instance: pipeline.instances[vertex].id, message: message, help: help, log: log))
    scheduler.failed(vertex)
    cutOff(below: vertex)
  }

  func cutOff(below vertex: Int) {
    for (position, state) in scheduler.states.enumerated() {
      if case .cut(let by, let isWaiting) = state, by == vertex {
        emit(
          .skipped(
            instance: pipeline.instances[position].id, because: pipeline.instances[vertex].id, isWaiting: isWaiting))
      }
    }
  }

  /// Counts one more evaluation; whatever changes all the time must not keep a run busy for ever.
  func mayEvaluateAgain(_ vertex: Int) -> Bool {
    instances[vertex].extraEvaluations += 1
    return instances[vertex].extraEvaluations <= Self.maxExtraEvaluations
  }

  /// A stored file that this instance reads is damaged: those that delivered its inputs have to look again.
  /// - Parameter damage: which file, for people.
  func rebuild(_ vertex: Int, _ damage: String) throws {
    let instance = pipeline.instances[vertex]
    guard mayEvaluateAgain(vertex), !instance.upstream.isEmpty else {
      fail(
        vertex, "\(damage) and could not be rebuilt", help: "`pipeline cache verify` checks the whole store", log: nil)
      return
    }
    emit(.note(instance: instance.id, message: "\(damage); rebuilding what made it"))
    instances[vertex].work = nil
    for upstream in instance.upstream {
      guard let position = pipeline.position(of: upstream), let result = instances[position].result else { continue }
      try store.forget(result.key)
      instances[position].result = nil
      instances[position].origin = .found
      scheduler.redo(position)
    }
    scheduler.block(vertex)
  }
}
