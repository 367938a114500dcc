import Basics

/// How jobs are submitted and watched. Nothing here changes any result.
public struct SlurmOptions: Hashable, Sendable {
  public var partition: String?
  public var account: String?
  public var qos: String?
  public var constraint: String?
  /// Further arguments of `sbatch`, after all others.
  public var arguments: [String] = []
  /// Seconds before its wall-clock limit at which a job is told to save its work.
  public var signal = 300.0
  /// Jobs in the queue at once.
  public var maxJobs = 100
  /// Seconds between two looks at the queue.
  public var poll = 15.0

  /// Seconds between two looks at what jobs have written.
  var tail = 1.0
  /// Seconds that a job's record may take to arrive over a shared file system after the queue has called the job ended.
  var grace = 30.0
  /// Seconds that an `sbatch` of a runner that died may take to put its job into the queue.
  var settle = 15.0
  /// Where Slurm's programs are; nil for PATH.
  var commandFolder: String?
  /// Seconds that one of them may take; nil for the usual time.
  var commandTimeout: Double?

  public init() {}

  /// For tests: what a file cannot say too.
  package init(json: JSON) {
    partition = json["partition"]?.stringValue
    arguments = (json["arguments"]?.arrayValue ?? []).compactMap(\.stringValue)
    signal = json["signal"]?.doubleValue ?? signal
    maxJobs = json["max_jobs"]?.intValue ?? maxJobs
    poll = json["poll"]?.doubleValue ?? poll
    tail = json["tail"]?.doubleValue ?? tail
    grace = json["grace"]?.doubleValue ?? grace
    settle = json["settle"]?.doubleValue ?? settle
    commandFolder = json["commands"]?.stringValue
    commandTimeout = json["timeout"]?.doubleValue
  }
}
