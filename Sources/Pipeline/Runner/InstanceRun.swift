/// One instance in a run, beside where it stands (`Scheduler.State`).
struct InstanceRun: Sendable {
  /// How the instance came by its result.
  enum Origin: Sendable {
    /// Found in the store: there was nothing to do.
    case found
    /// Made by this run.
    case made
    /// Made by another run meanwhile, or taken from the remote cache.
    case elsewhere
  }

  /// Work to be done or under way; nil before it is evaluated and once it has ended.
  var work: Work?
  var result: StageResult?
  var origin = Origin.found
  /// Why it failed.
  var failure: String?
  /// Where its gate stood when it was last looked at.
  var gate: GateStatus?
  /// Samples run ahead of a gate's decision; nil before. The event `finished` counts them too.
  var samplesRunAhead: Int?
  /// How often it was evaluated again because its input changed or a stored file was damaged.
  var extraEvaluations = 0

  /// The work of an instance in this run, over all its attempts.
  struct Work: Sendable {
    var resolution: StageResolution
    var mode: WorkMode
    var withheld: [String: String]
    var reasons: [RunReason]
    var attempt = 0
    var process: (any WorkerHandle)?
    var outcome: WorkerEvent?
    var timedOut = false
    /// The attempt that has begun to work.
    var startedAttempt = 0
    /// The attempt whose time limit is being watched.
    var timedAttempt = 0
  }
}
