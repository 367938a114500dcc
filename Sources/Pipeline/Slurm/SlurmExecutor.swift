import Basics
import Foundation
import Synchronization

/// Runs each worker as a job of a Slurm cluster. Submits on one thread, watches on another (`SlurmWatch`).
///
/// A job belongs to its key, not to the run that submitted it: when a run ends, however it ends, the job goes on, and the
/// next run that wants the same result adopts it.
final class SlurmExecutor: Executor {
  typealias Ticket = Int

  private struct State {
    var next = 0
    /// Orders that have not ended.
    var orders: [Ticket: WorkOrder] = [:]
    /// Ids in the queue.
    var ids: [Ticket: String] = [:]
    var submissions: [Ticket: SlurmSubmission] = [:]
    /// Those that the run does not wait for any more.
    var left: Set<Ticket> = []
    /// Submissions in a row that came to nothing.
    var vain: [Ticket: Int] = [:]
  }

  let store: Store
  let options: SlurmOptions
  private let command: [String]
  private let state = Mutex(State())
  private let submissions = DispatchQueue(label: "slurm submissions")
  private let watch: SlurmWatch

  /// - Parameter note: tells people what concerns no stage alone.
  init(command: [String], store: Store, options: SlurmOptions, note: @escaping @Sendable (String) -> Void) {
    self.command = command
    self.store = store
    self.options = options
    watch = SlurmWatch(options: options, note: note)
  }

  func start(_ order: WorkOrder) -> any WorkerHandle {
    let ticket = state.withLock { state in
      state.next += 1
      state.orders[state.next] = order
      return state.next
    }
    submit(ticket, after: 0)
    return Handle(executor: self, ticket: ticket)
  }

  private func submit(_ ticket: Ticket, after delay: Double) {
    submissions.asyncAfter(deadline: .now() + delay) { self.place(ticket) }
  }

  // MARK: - Submitting

  private func place(_ ticket: Ticket) {
    guard let order = waiting(ticket) else { return exit(ticket, .stopped) }
    do {
      let claim = SlurmSubmission.claim(order.job)
      guard
        let lock = try KeyLock.acquire(claim, in: store, keepWaiting: { self.waiting(ticket) != nil })
      else { return exit(ticket, .stopped) }
      try withExtendedLifetime(lock) { try place(ticket, order, lock) }
    } catch {
      exit(ticket, .failed(WorkerEvent.Failure(error)))
    }
  }

  /// Only one runner at a time does this for the same work.
  private func place(_ ticket: Ticket, _ order: WorkOrder, _ lock: KeyLock) throws {
    let key = order.job.key.digest
    if order.job.mode == .full, !order.job.force, try store.result(key) != nil {
      // Made meanwhile: a new look finds it.
      return exit(ticket, .samplesDone)
    }
    var rounds: SlurmRounds?
    if let latest = try SlurmSubmission.latest(order.job, in: store) {
      if !latest.isClosed, try isWanted(latest, order) { return try adopt(ticket, order, latest, isOwn: false) }
      rounds = try latest.rounds()
    }
    let submission = try SlurmSubmission(next: order.job, in: store)
    try prepare(submission, order, rounds: rounds)
    let words = SlurmScript.arguments(order.job, pipeline: order.pipeline, options: options, submission: submission)
    switch options.commands.submit(words, kept: lock.descriptor) {
    case .submitted(let id):
      try submission.note(id: id)
      state.withLock { $0.vain[ticket] = nil }
      try adopt(ticket, order, submission, isOwn: true)
    case .refused(let message):
      try submission.close("refused: \(message)")
      exit(
        ticket,
        .failed(
          .init(
            kind: .failure, message: "Slurm refuses the job: \(message)",
            help: "check `settings.slurm` and the stage's `resources`; `sinfo` shows what the cluster has")))
    case .unclear(let message):
      order.onEvent(.note("Slurm did not confirm the job (\(message)); looking for it in the queue"))
      try adopt(ticket, order, submission, isOwn: true)
    }
  }

  /// Whether what an earlier run submitted serves this one.
  private func isWanted(_ submission: SlurmSubmission, _ order: WorkOrder) throws -> Bool {
    guard submission.hasOutcome else { return true }
    // A failure that nobody has been told yet is this run's. Anything else would have been found in the store.
    if !order.job.force, case .failed(let failure)? = try submission.outcome(), failure.kind == .failure { return true }
    try submission.close("used up")
    return false
  }

  private func prepare(_ submission: SlurmSubmission, _ order: WorkOrder, rounds: SlurmRounds?) throws {
    var job = order.job
    job.slurmFolder = options.commands.folder
    try submission.prepare(
      job,
      launch: SlurmScript.launch(command, environment: order.environment, submission: submission),
      script: SlurmScript.script(job, pipeline: order.pipeline, submission: submission),
      intent: [
        "key": .string(job.key.digest.hex), "instance": .string(job.instance.id), "pipeline": .string(order.pipeline),
        "run": .string(job.run), "host": .string(Host.name), "time": .string(Date().formatted(.iso8601)),
      ], rounds: rounds)
  }

  private func adopt(_ ticket: Ticket, _ order: WorkOrder, _ submission: SlurmSubmission, isOwn: Bool) throws {
    let id = try submission.id()
    state.withLock { state in
      state.ids[ticket] = id
      state.submissions[ticket] = submission
    }
    // `pipeline logs` finds the log in the run; it grows in the submission.
    let log = order.record.logPath(order.job.instance.id)
    unlink(log)
    symlink(submission.logPath, log)
    let job = SlurmJob(
      ticket: ticket, order: order, submission: submission, id: id, isAdopted: !isOwn, options: options,
      program: command[0], onID: { id in self.state.withLock { $0.ids[ticket] = id } })
    watch.add(job) { self.reported(ticket, $0) }
    // The run may have left it while it was being submitted.
    if waiting(ticket) == nil, watch.leave(ticket) { exit(ticket, .stopped) }
  }

  private func reported(_ ticket: Ticket, _ report: SlurmJob.Report) {
    let vain = state.withLock { state in
      state.ids[ticket] = nil
      if case .neverSubmitted = report { state.vain[ticket, default: 0] += 1 }
      return state.vain[ticket] ?? 0
    }
    switch report {
    case .ended(let event): exit(ticket, event)
    case .again: submit(ticket, after: 0)
    case .neverSubmitted: submit(ticket, after: min(300, options.poll * Double(1 << min(vain - 1, 5))))
    }
  }

  // MARK: - Ending

  /// The order, while somebody waits for it.
  private func waiting(_ ticket: Ticket) -> WorkOrder? {
    state.withLock { $0.left.contains(ticket) ? nil : $0.orders[ticket] }
  }

  private func exit(_ ticket: Ticket, _ event: WorkerEvent) {
    let order = state.withLock { state in
      state.ids[ticket] = nil
      state.submissions[ticket] = nil
      return state.orders.removeValue(forKey: ticket)
    }
    guard let order else { return }
    order.onEvent(event)
    order.onExit(WorkerExit(status: 0, signal: nil, peakMemory: 0, outOfMemory: false))
  }

  /// The run leaves its jobs to the queue; one that is just being submitted is waited for.
  fileprivate func leave(_ ticket: Ticket, atOnce: Bool) {
    _ = state.withLock { $0.left.insert(ticket) }
    if atOnce || watch.leave(ticket) { exit(ticket, .stopped) }
  }

  /// Its time is up. Whatever Slurm makes of that, another attempt is another job.
  fileprivate func cancel(_ ticket: Ticket) {
    let (id, submission) = state.withLock { ($0.ids[ticket], $0.submissions[ticket]) }
    let commands = options.commands
    submissions.async {
      try? submission?.close("its time was up")  // then another attempt waits for its end
      if let id { commands.cancel(id) }
    }
  }

  /// Tells a person who ends the run about its jobs; nil when none is in the queue.
  var stopMessage: String? {
    let ids = state.withLock { $0.ids.values.sorted { naturallyPrecedes($0, $1) } }
    guard !ids.isEmpty else { return nil }
    return "\(ids.count == 1 ? "a job goes on" : "\(ids.count) jobs go on") in Slurm; the same command again waits for "
      + "\(ids.count == 1 ? "it" : "them"), `scancel \(ids.joined(separator: " "))` ends \(ids.count == 1 ? "it" : "them")"
  }

  /// Nothing more will be started.
  func close() { watch.close() }

  private struct Handle: WorkerHandle {
    let executor: SlurmExecutor
    let ticket: Ticket

    func requestStop() { executor.leave(ticket, atOnce: false) }
    func endSoon() { executor.cancel(ticket) }
    func end() { executor.leave(ticket, atOnce: true) }
  }
}
