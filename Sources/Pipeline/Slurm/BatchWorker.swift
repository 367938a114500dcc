import Basics
import Foundation
import Synchronization

/// The worker as a batch job: it reports to files instead of a pipe, outlives the run that submitted it, and when its
/// wall-clock limit is near it saves its work and goes back into the queue.
struct BatchWorker: Sendable {
  enum Stop: Sendable { case time, ended }

  let submission: SlurmSubmission
  let job: WorkerJob
  let store: Store
  let id: String
  let remote: RemoteCache?

  /// The least time between two reports: they go to a file that grows for days.
  private static let reportInterval = Duration.seconds(2)

  /// - Returns: the exit status: 0 when a record tells the outcome, or the job is in the queue again.
  func run() async -> Int32 {
    if submission.isClosed || submission.hasOutcome {
      print("nobody waits for this job any more")
      return 0
    }
    let failure = Mutex<String?>(nil)
    let events: WorkerEventWriter
    do {
      events = try WorkerEventWriter(appendingTo: submission.eventsPath) { event in
        do { try submission.set(outcome: event, job: id) } catch {
          failure.withLock { $0 = Diagnostic(error).description }
        }
      }
    } catch {
      print("error: \(Diagnostic(error).description)")
      return 1
    }
    let environment = ProcessInfo.processInfo.environment
    events.send(
      .queue(
        QueuePlace(
          job: id, state: "RUNNING", node: environment["SLURMD_NODENAME"] ?? Host.name,
          restarts: environment["SLURM_RESTART_COUNT"].flatMap(Int.init) ?? 0)))
    let services = WorkerServices(store: store, events: events, reportInterval: Self.reportInterval)
    let stop = Mutex<Stop?>(nil)
    let sources = [(SlurmScript.signal, Stop.time), (SIGTERM, Stop.ended)].map { number, reason in
      WorkerSignal.watch(number) {
        stop.withLock { $0 = $0 ?? reason }
        services.stop()
      }
    }
    defer { sources.forEach { $0.cancel() } }
    do {
      let run = try WorkerRun(job: job, store: store, services: services, events: events, remote: remote)
      try await run()
    } catch is CancellationError {
      do { try services.flush() } catch { events.send(.failed(WorkerEvent.Failure(error))) }
      events.send(.stopped)
      return stop.withLock { $0 } == .time ? resume(events) : 128 + SIGTERM
    } catch {
      events.send(.failed(WorkerEvent.Failure(error)))
    }
    guard let problem = failure.withLock({ $0 }) else { return 0 }
    print("error: \(problem)")
    return 1
  }

  /// The time of this round is up and the work is saved.
  private func resume(_ events: WorkerEventWriter) -> Int32 {
    var rounds: SlurmRounds
    do { rounds = try submission.rounds() } catch {
      events.send(.failed(WorkerEvent.Failure(error)))
      return 0
    }
    let mayResume = rounds.end(
      mark: SlurmRounds.mark(of: job, in: store), reported: SlurmEvents.lastRound(in: submission.eventsPath).furthest)
    do { try submission.set(rounds: rounds) } catch { print("note: \(Diagnostic(error).description)") }
    if mayResume {
      events.send(.note("reached its wall-clock limit, saved its work and goes back into the queue"))
    } else {
      events.send(.failed(rounds.failure("the job reached its wall-clock limit")))
      return 0
    }
    let scontrol = SlurmCommands(folder: job.slurmFolder)
    guard let problem = scontrol.requeue(id) else { return 0 }
    // The runner, or the next run, submits it anew.
    print("note: scontrol could not requeue job \(id): \(problem)")
    return 128 + SlurmScript.signal
  }

  private func print(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
