import Basics

/// One event of a run, as observers see it and as `events.jsonl` and `--json` write it. Documented in
/// docs/EVENTS.md; `version` there is `RunEvent.schemaVersion`.
public enum RunEvent: Sendable {
  case runStarted(id: String?, pipeline: String, instances: Int)
  /// Nothing to do for this instance.
  case upToDate(instance: String, samples: Int?)
  /// Work begins: how many samples run and how many are reused.
  case started(instance: String, toRun: Int, reused: Int, reasons: [String], attempt: Int)
  /// Another process makes the same result; this run waits for it.
  case waitingForOther(instance: String, holder: String)
  /// Where a batch job of this instance stands.
  case job(instance: String, QueuePlace)
  case progress(instance: String, StageProgress)
  case finished(instance: String, seconds: Double, samplesRun: Int, samplesReused: Int, reused: Bool)
  /// Samples that the result just made leaves out, with the stage's reasons; comes after `finished`.
  case rejected(instance: String, samples: [GateStatus.Finding])
  case retry(instance: String, attempt: Int, of: Int, delay: Double, message: String)
  case failed(instance: String, message: String, help: String?, log: String?)
  case gate(GateStatus, steps: [String])
  /// Cannot run because of what happened to another.
  case skipped(instance: String, because: String, isWaiting: Bool)
  case stopped(instance: String)
  case note(instance: String?, message: String)
  case runFinished(RunSummary)

  public static let schemaVersion = 1

  public var json: JSON {
    var members: [String: JSON] = ["version": .int(Self.schemaVersion)]
    func set(_ name: String, _ rest: [String: JSON]) {
      members["event"] = .string(name)
      members.merge(rest) { $1 }
    }
    switch self {
    case .runStarted(let id, let pipeline, let instances):
      set(
        "run_started",
        ["run": id.map(JSON.string) ?? .null, "pipeline": .string(pipeline), "stages": .int(instances)])
    case .upToDate(let instance, let samples):
      set("up_to_date", ["stage": .string(instance), "samples": samples.map(JSON.int) ?? .null])
    case .started(let instance, let toRun, let reused, let reasons, let attempt):
      set(
        "started",
        [
          "stage": .string(instance), "samples_to_run": .int(toRun), "samples_reused": .int(reused),
          "reasons": .array(reasons.map(JSON.string)), "attempt": .int(attempt),
        ])
    case .waitingForOther(let instance, let holder):
      set("waiting_for_other", ["stage": .string(instance), "holder": .string(holder)])
    case .job(let instance, let place):
      set("job", place.members.merging(["stage": .string(instance)]) { $1 })
    case .progress(let instance, let progress):
      set("progress", progress.members.merging(["stage": .string(instance)]) { $1 })
    case .finished(let instance, let seconds, let run, let reused, let isReused):
      set(
        "finished",
        [
          "stage": .string(instance), "seconds": .double(seconds), "samples_run": .int(run),
          "samples_reused": .int(reused), "reused": .bool(isReused),
        ])
    case .rejected(let instance, let samples):
      set("rejected", ["stage": .string(instance), "samples": GateStatus.Finding.json(samples)])
    case .retry(let instance, let attempt, let count, let delay, let message):
      set(
        "retry",
        [
          "stage": .string(instance), "attempt": .int(attempt), "of": .int(count), "delay": .double(delay),
          "message": .string(message),
        ])
    case .failed(let instance, let message, let help, let log):
      set(
        "failed",
        [
          "stage": .string(instance), "message": .string(message), "help": help.map(JSON.string) ?? .null,
          "log": log.map(JSON.string) ?? .null,
        ])
    case .gate(let status, let steps):
      set("gate", ["gate": status.json, "next": .array(steps.map(JSON.string)), "stage": .string(status.instance)])
    case .skipped(let instance, let because, let isWaiting):
      set(
        "skipped", ["stage": .string(instance), "because": .string(because), "waiting": .bool(isWaiting)])
    case .stopped(let instance): set("stopped", ["stage": .string(instance)])
    case .note(let instance, let message):
      set("note", ["stage": instance.map(JSON.string) ?? .null, "message": .string(message)])
    case .runFinished(let summary): set("run_finished", summary.members)
    }
    return .object(members)
  }
}

/// How a run ended.
public struct RunSummary: Sendable {
  public var run: String?
  public var seconds: Double
  public var upToDate: Int
  public var ran: Int
  /// Stages whose result came from another run that was making it, or from a remote cache.
  public var madeElsewhere: Int
  public var samplesRun: Int
  public var failed: [String]
  public var waiting: [GateStatus]
  public var skipped: Int
  public var stopped: Int
  /// The signal that ended the run.
  public var signal: Int32?
  /// Pages to look at: published `report.html` files.
  public var reports: [String]
  /// Texts of output files named `summary.txt`, by instance.
  public var texts: [(instance: String, text: String)]

  package init(
    run: String?, seconds: Double, upToDate: Int, ran: Int, madeElsewhere: Int, samplesRun: Int, failed: [String],
    waiting: [GateStatus], skipped: Int, stopped: Int, signal: Int32?, reports: [String],
    texts: [(instance: String, text: String)]
  ) {
    self.run = run
    self.seconds = seconds
    self.upToDate = upToDate
    self.ran = ran
    self.madeElsewhere = madeElsewhere
    self.samplesRun = samplesRun
    self.failed = failed
    self.waiting = waiting
    self.skipped = skipped
    self.stopped = stopped
    self.signal = signal
    self.reports = reports
    self.texts = texts
  }

  /// 0 done, 1 failed, 3 waiting at a gate, 128 + the signal when stopped by one.
  public var exitCode: Int32 {
    if let signal { return 128 + signal }
    if !failed.isEmpty || stopped > 0 { return 1 }
    return waiting.isEmpty ? 0 : 3
  }

  var members: [String: JSON] {
    [
      "run": run.map(JSON.string) ?? .null, "seconds": .double(seconds), "up_to_date": .int(upToDate),
      "ran": .int(ran), "made_elsewhere": .int(madeElsewhere), "samples_run": .int(samplesRun),
      "failed": .array(failed.map(JSON.string)), "waiting": .array(waiting.map { .string($0.instance) }),
      "skipped": .int(skipped), "stopped": .int(stopped), "exit_code": .int(Int(exitCode)),
      "reports": .array(reports.map(JSON.string)),
    ]
  }
}
