import Basics
import Foundation

/// One job that is waited for: what is known of it, and what follows from news.
struct SlurmJob: Sendable {
  /// The next step for a job after news.
  enum Report: Sendable {
    case ended(WorkerEvent)
    /// To be placed anew; what is there by then decides how.
    case again
    /// As `again`, but not at once.
    case neverSubmitted
  }

  let ticket: Int
  let order: WorkOrder
  let submission: SlurmSubmission
  let isAdopted: Bool
  private(set) var id: String?
  private let options: SlurmOptions
  private let program: String
  private var events: SlurmEvents
  private var verdict: SlurmVerdict
  private var place: QueuePlace?
  private let onID: @Sendable (String) -> Void

  /// - Parameter onID: called when the id of a job becomes known whose submission nobody has seen to its end.
  init(
    ticket: Int, order: WorkOrder, submission: SlurmSubmission, id: String?, isAdopted: Bool, options: SlurmOptions,
    program: String, onID: @escaping @Sendable (String) -> Void
  ) {
    self.ticket = ticket
    self.order = order
    self.submission = submission
    self.id = id
    self.isAdopted = isAdopted
    self.options = options
    self.program = program
    self.onID = onID
    events = SlurmEvents(path: submission.eventsPath)
    verdict = SlurmVerdict(grace: options.grace, settle: options.settle)
    if let id, !isAdopted { show(QueuePlace(job: id, state: "PENDING")) }
  }

  // MARK: - What the job says

  /// Passes on what the worker has written.
  mutating func read() -> Report? {
    // The work was done and another run has cleared away.
    guard submission.isThere else { return .again }
    // Written after all events, so looked at before them.
    let outcome: WorkerEvent?
    do { outcome = try submission.outcome() } catch { return .ended(.failed(WorkerEvent.Failure(error))) }
    for event in events.next() {
      switch event {
      case .queue(let place):
        if id == nil { found(place.job) }
        show(place)
      case .stopped: break  // the queue will say what for
      default: order.onEvent(event)
      }
    }
    return outcome.map(conclude)
  }

  private func conclude(_ outcome: WorkerEvent) -> Report {
    if case .failed(let failure) = outcome, failure.kind == .failure {
      close("told that it failed")
    } else {
      clear()
    }
    return .ended(outcome)
  }

  // MARK: - What the queue says

  /// - Parameter job: as an answering queue shows it; nil when it does not know it.
  mutating func see(_ job: SlurmJobState?) -> Report? {
    if id == nil, let job { found(job.id) }
    switch verdict.see(job, isKnown: id != nil, now: Self.now) {
    case .wait:
      if let job, !job.hasEnded {
        let isSame = place?.state == job.state && job.state == "RUNNING"
        if !isSame { show(QueuePlace(job: job.id, state: job.state, reason: job.reason, node: job.nodes)) }
      }
      return nil
    case .neverSubmitted:
      close("never came into the queue")
      return .neverSubmitted
    case .forgotten: return end(nil)
    case .ended(let state): return end(state)
    }
  }

  /// The queue is sure, and no record of the job's own has arrived.
  private func end(_ state: String?) -> Report? {
    if submission.hasOutcome { return nil }
    let key = order.job.key.digest
    if order.job.mode == .full, !order.job.force, (try? store.result(key)) != nil {  // unreadable: not there
      clear()
      return .again
    }
    let details = id.flatMap { options.commands.details($0) }
    let round = SlurmEvents.lastRound(in: submission.eventsPath)
    let end = SlurmEnd(
      .init(
        id: id ?? "?", state: state ?? details?.state, details: details, log: logTail, isSaved: round.isSaved,
        wasAlive: verdict.wasAlive, resources: order.job.instance.resources, stage: order.job.instance.stage,
        program: program))
    switch end {
    case .again(let text): return submitAnew(text)
    case .round(let text):
      // The worker has counted this round itself when it could not go back into the queue.
      if details?.exitCode == "\(128 + SlurmScript.signal):0" { return submitAnew(text) }
      var rounds: SlurmRounds
      do { rounds = try submission.rounds() } catch { return .ended(.failed(WorkerEvent.Failure(error))) }
      let mayResume = rounds.end(mark: SlurmRounds.mark(of: order.job, in: store), reported: round.furthest)
      guard mayResume else {
        close(text)
        return .ended(.failed(rounds.failure(text)))
      }
      do { try submission.set(rounds: rounds) } catch { order.onEvent(.note(Diagnostic(error).description)) }
      return submitAnew(text)
    case .failed(let failure):
      close(failure.message)
      return .ended(.failed(failure))
    }
  }

  private func submitAnew(_ text: String) -> Report {
    close(text)
    order.onEvent(.note("\(text); submitting it anew, finished samples and checkpoints are kept"))
    return .again
  }

  // MARK: - Helpers

  private var store: Store { submission.store }

  private mutating func found(_ id: String) {
    self.id = id
    onID(id)
    // Found again in the same way if it cannot be noted.
    do { try submission.note(id: id) } catch { order.onEvent(.note(Diagnostic(error).description)) }
  }

  private mutating func show(_ new: QueuePlace) {
    var new = new
    new.isAdopted = isAdopted
    new.restarts = max(new.restarts, place?.restarts ?? 0)
    if new.isRunning, new.node.isEmpty { new.node = place?.node ?? "" }
    guard new != place else { return }
    place = new
    order.onEvent(.queue(new))
  }

  /// An obstacle to this is reported; nothing depends on it but that the next run submits anew.
  private func close(_ reason: String) {
    do { try submission.close(reason) } catch { order.onEvent(.note(Diagnostic(error).description)) }
  }

  private func clear() {
    do { try submission.remove(keeping: order.record.logPath(order.job.instance.id)) } catch let problem as FileProblem
      where problem.code == ENOENT
    {
      return  // another run has done it at the same time
    } catch { order.onEvent(.note(Diagnostic(error).description)) }
  }

  /// The last lines of the job's log, Slurm's own among them.
  private var logTail: [String] {
    guard let file = FileHandle(forReadingAtPath: submission.logPath) else { return [] }  // it never started
    defer { try? file.close() }  // only read
    guard let end = try? file.seekToEnd(), (try? file.seek(toOffset: end > 8192 ? end - 8192 : 0)) != nil,
      let data = try? file.readToEnd()
    else { return [] }
    return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(5).map(String.init)
  }

  private static var now: Double { start.duration(to: .now).seconds }
  private static let start = ContinuousClock.now
}
