import Basics
import Foundation

/// The process in which one stage instance runs. `pipeline worker JOB` is this; the test executable has the same entry.
public enum Worker {
  /// Where events go.
  static let eventDescriptor: Int32 = 3
  /// The remote cache, with its password: the environment is for this user only, a job file may not be. Taken out before
  /// any stage runs.
  static let remoteVariable = "PIPELINE_WORKER_REMOTE"
  static let remoteLimitsVariable = "PIPELINE_WORKER_REMOTE_LIMITS"
  /// How long a worker whose runner has died may take to save its work.
  static let orphanGrace: UInt32 = 30

  /// - Parameters:
  ///   - jobPath: the job file written by the runner.
  ///   - catalogue: must hold the job's stage type.
  /// - Returns: the exit status: 0 when an event has told the outcome, whatever it was.
  public static func main(jobPath: String, catalogue: StageCatalogue) async -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGINT, SIG_IGN)  // the terminal's Ctrl-C is for the runner, which passes on what is meant
    _ = fcntl(eventDescriptor, F_SETFD, FD_CLOEXEC)
    let events = WorkerEventWriter(fd: eventDescriptor)
    let remote = takeRemote()
    do {
      guard let data = try FileSystem.read(jobPath) else { throw FileProblem("read", jobPath, code: ENOENT) }
      let job = try WorkerJob(json: JSON(parsing: data), catalogue: catalogue)
      let store = Store(root: job.store, durable: job.durable)
      let services = WorkerServices(store: store, events: events)
      let termination = watch(services)
      defer { termination.cancel() }
      let run = try WorkerRun(job: job, store: store, services: services, events: events, remote: remote)
      do { try await run() } catch is CancellationError {
        try services.flush()
        events.send(.stopped)
      }
    } catch {
      events.send(.failed(failure(error)))
    }
    return 0
  }

  private static func takeRemote() -> RemoteCache? {
    let environment = ProcessInfo.processInfo.environment
    let limits = environment[remoteLimitsVariable].flatMap(RemoteLimits.init(text:)) ?? RemoteLimits()
    unsetenv(remoteVariable)
    unsetenv(remoteLimitsVariable)
    return (try? environment[remoteVariable].map(RemoteAddress.init))?.map {  // the runner has checked it
      RemoteCache($0, limits: limits)
    }
  }

  private static func failure(_ error: any Error) -> WorkerEvent.Failure {
    switch error {
    case let error as StageFailure: .init(kind: .failure, message: error.message, help: error.help)
    case let error as BadSample:
      .init(kind: .failure, message: error.reason, help: nil)
    case let error as InputChanged: .init(kind: .changed, message: error.description, help: nil)
    case let error as DamagedBlob: .init(kind: .damaged, message: error.description, help: nil)
    case let error as FileProblem:
      .init(
        kind: .failure, message: error.message, help: error.help)
    case let error as ParameterProblems:
      .init(kind: .failure, message: error.diagnostics.map(\.message).joined(separator: "\n"), help: nil)
    default: .init(kind: .failure, message: describe(error), help: nil)
    }
  }

  /// Stops the stage when the runner says so, when it is gone (its end of the pipe closes), or on SIGTERM.
  private static func watch(_ services: WorkerServices) -> any DispatchSourceSignal {
    signal(SIGTERM, SIG_IGN)
    let termination = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
    termination.setEventHandler { services.stop() }
    termination.resume()
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let n = read(STDIN_FILENO, &byte, 1)
        if n < 0 && errno == EINTR { continue }
        services.stop()
        if n <= 0 { break }
      }
      // The runner is gone. What cannot stop by itself in time is ended, with all it started.
      sleep(orphanGrace)
      if getpgrp() == getpid() { kill(0, SIGKILL) }
      _exit(1)
    }
    thread.start()
    return termination
  }
}
