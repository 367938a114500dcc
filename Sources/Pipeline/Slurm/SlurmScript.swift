import Foundation

/// The script and arguments for `sbatch`. Pure: the same job gives the same words.
enum SlurmScript {
  /// Tells the worker that its wall-clock limit is near.
  static let signal = SIGUSR2

  static func arguments(
    _ job: WorkerJob, pipeline: String, options: SlurmOptions, submission: SlurmSubmission
  ) -> [String] {
    let resources = job.instance.resources
    var words = [
      "--parsable", "--job-name=\(job.key.digest.hex)", "--comment=\(pipeline): \(job.instance.id)",
      "--chdir=\(submission.folder)", "--output=log", "--open-mode=append", "--requeue", "--export=ALL", "--nodes=1",
      "--ntasks=1",
    ]
    if let cpus = resources.cpus { words.append("--cpus-per-task=\(cpus)") }
    // Slurm's M is 2^20.
    if let memory = resources.memory { words.append("--mem=\((memory + (1 << 20) - 1) >> 20)M") }
    if resources.gpus > 0 { words.append("--gres=gpu:\(resources.gpus)") }
    if let time = resources.time { words.append("--time=\(limit(time))") }
    words.append("--signal=B:USR2@\(lead(options.signal, limit: resources.time))")
    if let partition = options.partition { words.append("--partition=\(partition)") }
    if let account = options.account { words.append("--account=\(account)") }
    if let qos = options.qos { words.append("--qos=\(qos)") }
    if let constraint = options.constraint { words.append("--constraint=\(constraint)") }
    return words + options.arguments + [submission.scriptPath]
  }

  /// `days-hours:minutes:seconds`
  static func limit(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded(.up))
    return String(format: "%d-%02d:%02d:%02d", whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60)
  }

  /// Seconds before the limit; half of it when there would be no time left to work.
  static func lead(_ seconds: Double, limit: Double?) -> Int {
    let lead = limit.map { seconds < $0 ? seconds : $0 / 2 } ?? seconds
    return min(max(1, Int(lead)), 65_535)  // as much as Slurm takes
  }

  /// Holds no secret: Slurm keeps a copy of it.
  static func script(_ job: WorkerJob, pipeline: String, submission: SlurmSubmission) -> String {
    """
    #!/bin/sh
    # Stage \(oneLine(job.instance.id)) of pipeline \(oneLine(pipeline)), run \(job.run). Written by `pipeline run`.
    . \(shellQuoted(submission.launchPath))

    """
  }

  /// Starts the worker with the environment that a worker has everywhere, and what Slurm says about the allocation.
  static func launch(_ command: [String], environment: [String: String], submission: SlurmSubmission) -> String {
    var variables = environment
    variables["TMPDIR"] = nil  // that of the node
    variables[WorkerEnvironment.batchVariable] = submission.folder
    var text = "exec /usr/bin/env -i \\\n"
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
      text += "  \(shellQuoted("\(name)=\(value)")) \\\n"
    }
    for name in fromSlurm { text += "  ${\(name)+\"\(name)=$\(name)\"} \\\n" }
    return text + "  \((command + [submission.jobPath]).map(shellQuoted).joined(separator: " "))\n"
  }

  private static let fromSlurm = [
    "SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURMD_NODENAME", "SLURM_CLUSTER_NAME", "SLURM_CONF", "SLURM_CPUS_ON_NODE",
    "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK", "TMPDIR",
  ]

  private static func oneLine(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }) }
}
