/// `settings: { slurm: ... }` of a file.
struct SlurmSettings: FileSection {
  var partition: String?
  var account: String?
  var qos: String?
  var constraint: String?
  var arguments: [String] = []
  var signal = TimeSpan(seconds: 300)
  var maxJobs = 100
  var poll = TimeSpan(seconds: 15)

  static let fields: [ParameterField<Self>] = [
    .init("partition", \.partition, "Partition, as `--partition` of sbatch."),
    .init("account", \.account, "Account, as `--account`."),
    .init("qos", \.qos, "Quality of service, as `--qos`."),
    .init("constraint", \.constraint, "Features that a node must have, as `--constraint`."),
    .init("arguments", \.arguments, "Further arguments of sbatch, such as `--exclusive`."),
    .init(
      "signal", \.signal, "How long before its wall-clock limit a job saves its work and goes back into the queue."),
    .init("max_jobs", \.maxJobs, "Jobs in the queue at once.", type: .int(1...100_000)),
    .init("poll", \.poll, "Time between two looks at the queue."),
  ]

  /// Options that the engine sets itself, because it finds its jobs by them.
  private static let reserved = [
    "--array", "--chdir", "--clusters", "--dependency", "--error", "--job-name", "--no-requeue", "--open-mode",
    "--output", "--parsable", "--signal", "--wait", "--wrap",
  ]
  private static let reservedLetters = ["-a", "-D", "-M", "-d", "-e", "-J", "-o", "-W"]

  func validate() -> [String] {
    var problems: [String] = []
    for word in arguments {
      let name = word.split(separator: "=", maxSplits: 1).first.map(String.init) ?? ""
      if !word.hasPrefix("-") {
        problems.append(
          "`\(word)` in `arguments` is no option of sbatch: write an option and its value as one, `--name=value`")
      } else if Self.reserved.contains(name)
        || Self.reservedLetters.contains(where: { word.hasPrefix($0) && !word.hasPrefix("--") })
      {
        problems.append("`\(word)` in `arguments` is chosen by the engine, which finds its jobs by it")
      }
    }
    if poll.seconds < 1 { problems.append("`poll` must be 1 s or longer: all users of a cluster share its controller") }
    return problems
  }

  var options: SlurmOptions {
    var options = SlurmOptions()
    options.partition = partition
    options.account = account
    options.qos = qos
    options.constraint = constraint
    options.arguments = arguments
    options.signal = signal.seconds
    options.maxJobs = maxJobs
    options.poll = poll.seconds
    return options
  }
}
