/// Everything that a worker gets besides its job file.
enum WorkerEnvironment {
  /// Where events go.
  static let eventDescriptor: Int32 = 3
  /// The remote cache, with its password: the environment is for this user only, a job file may not be. Taken out before
  /// any stage runs.
  static let remoteVariable = "PIPELINE_WORKER_REMOTE"
  static let remoteLimitsVariable = "PIPELINE_WORKER_REMOTE_LIMITS"
  /// The folder of the submission when this is a batch job.
  static let batchVariable = "PIPELINE_WORKER_BATCH"
  /// Seconds that a worker whose runner has died may take to save its work.
  static let orphanGrace: UInt32 = 30
}
