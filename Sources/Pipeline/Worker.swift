import Basics
import Foundation

/// The process in which one stage instance runs. `pipeline worker JOB` is this; the test executable has the same entry.
public enum Worker {
  /// The process that workers are forked from: with these arguments this must be the first thing that a program
  /// does, before it has a thread.
  /// - Parameter arguments: those after the worker's command.
  /// - Returns: the job, in each fork; nil when the arguments are others.
  public static func forkedJob(_ arguments: [String], catalogue: StageCatalogue) -> String? {
    arguments == [ForkServer.argument] ? ForkServer.serve(catalogue) : nil
  }

  /// Ends the process at once, past what libraries would still tidy up in memory.
  public static func leave(_ status: Int32) -> Never {
    fflush(nil)
    _exit(status)
  }

  /// - Parameters:
  ///   - jobPath: the job file written by the runner.
  ///   - catalogue: must hold the job's stage type.
  /// - Returns: the exit status: 0 when an event has told the outcome, whatever it was.
  public static func main(jobPath: String, catalogue: StageCatalogue) async -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGINT, SIG_IGN)  // the terminal's Ctrl-C is for the runner, which passes on what is meant
    let remote = takeRemote()
    if let folder = ProcessInfo.processInfo.environment[WorkerEnvironment.batchVariable] {
      return await batch(jobPath, folder, catalogue, remote)
    }
    _ = fcntl(WorkerEnvironment.eventDescriptor, F_SETFD, FD_CLOEXEC)
    let events = WorkerEventWriter(fd: WorkerEnvironment.eventDescriptor)
    do {
      let job = try WorkerJob.read(jobPath, catalogue)
      let store = Store(root: job.store, durable: job.durable)
      defer { store.temporary.close() }
      let services = WorkerServices(store: store, events: events)
      let termination = watch(services)
      defer { termination.cancel() }
      let run = try WorkerRun(job: job, store: store, services: services, events: events, remote: remote)
      do { try await run() } catch is CancellationError {
        try services.flush()
        events.send(.stopped)
      }
    } catch {
      events.send(.failed(WorkerEvent.Failure(error)))
    }
    return 0
  }

  private static func batch(
    _ jobPath: String, _ folder: String, _ catalogue: StageCatalogue, _ remote: RemoteCache?
  ) async -> Int32 {
    let environment = ProcessInfo.processInfo.environment
    let id = environment["SLURM_JOB_ID"] ?? ""
    do {
      var job: WorkerJob
      do { job = try WorkerJob.read(jobPath, catalogue) } catch {
        // The runner waits for an outcome, and would otherwise only see that the job ended.
        try SlurmSubmission(at: folder).set(outcome: .failed(WorkerEvent.Failure(error)), job: id)
        return 0
      }
      let store = Store(root: job.store, durable: job.durable)
      let submission = SlurmSubmission(folder: folder, store: store)
      // A stage that asks for no number of threads gets what the queue gives.
      if job.threads == 0 { job.threads = environment["SLURM_CPUS_ON_NODE"].flatMap(Int.init) ?? 1 }
      return await BatchWorker(submission: submission, job: job, store: store, id: id, remote: remote).run()
    } catch {
      FileHandle.standardError.write(Data("error: \(Diagnostic(error).description)\n".utf8))
      return 1
    }
  }

  private static func takeRemote() -> RemoteCache? {
    func take(_ name: String) -> String? {
      defer { unsetenv(name) }
      return getenv(name).map { String(cString: $0) }
    }
    let address = take(WorkerEnvironment.remoteVariable)
    let limits = take(WorkerEnvironment.remoteLimitsVariable).flatMap(RemoteLimits.init(text:)) ?? RemoteLimits()
    return (try? address.map(RemoteAddress.init))?.map {  // the runner has checked it
      RemoteCache($0, limits: limits)
    }
  }

  /// Stops the stage when the runner says so, when it is gone (its end of the pipe closes), or on SIGTERM.
  private static func watch(_ services: WorkerServices) -> any DispatchSourceSignal {
    let termination = WorkerSignal.watch(SIGTERM) { services.stop() }
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let n = read(STDIN_FILENO, &byte, 1)
        if n < 0 && errno == EINTR { continue }
        services.stop()
        if n <= 0 { break }
      }
      // The runner is gone. What cannot stop by itself in time is ended, with all it started.
      sleep(WorkerEnvironment.orphanGrace)
      if getpgrp() == getpid() { kill(0, SIGKILL) }
      _exit(1)
    }
    thread.start()
    return termination
  }
}
