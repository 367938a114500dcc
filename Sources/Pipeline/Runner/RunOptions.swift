import Foundation

/// How a run is carried out. Only `salt` enters keys, and so decides which results are found and made; nothing here changes the
/// bytes of a result.
public struct RunOptions: Sendable {
  /// Instance ids; empty for the file's targets.
  public var targets: [String]
  public var keepGoing: Bool
  /// Instances at once, at most.
  public var maxJobs: Int
  /// Cores and memory to share out.
  public var cpus: Int
  public var memory: Int
  /// Instance ids that run even though a result is there.
  public var force: Set<String>
  /// Mixed into every key, to keep results of experiments with the program itself apart.
  public var salt: String?
  /// Executable and arguments of the worker; the job's path is added.
  public var workerCommand: [String]
  /// Whether workers of this machine are forks of one process that is ready, rather than started one by one.
  public var forksWorkers: Bool
  /// Where outputs are published; a folder for each pipeline is made below it.
  public var outputsFolder: String
  public var publish: PublishMode
  /// Where results are looked for that this store does not have.
  public var remote: RemoteAddress?
  public var remoteLimits: RemoteLimits
  public var executor: ExecutorKind
  public var slurm: SlurmOptions
  /// The pipeline file and what changes it, as words of a command line, for messages.
  public var fileArguments: String
  /// The command line, for the record, without passwords.
  public var command: [String]
  /// The request behind this run, when it may be made again: a run that leaves nothing to do then says so beforehand.
  public var request: RunRequest?

  public init(
    targets: [String] = [], keepGoing: Bool = false, maxJobs: Int = .max, cpus: Int? = nil, memory: Int? = nil,
    force: Set<String> = [], salt: String? = nil, workerCommand: [String], forksWorkers: Bool = true,
    outputsFolder: String, publish: PublishMode = .auto, remote: RemoteAddress? = nil,
    remoteLimits: RemoteLimits = RemoteLimits(), executor: ExecutorKind = .local,
    slurm: SlurmOptions = SlurmOptions(), fileArguments: String = "FILE", command: [String] = CommandLine.arguments,
    request: RunRequest? = nil
  ) {
    self.targets = targets
    self.keepGoing = keepGoing
    self.maxJobs = maxJobs
    self.cpus = cpus ?? MachineResources.cpus
    self.memory = memory ?? MachineResources.memory
    self.force = force
    self.salt = salt
    self.workerCommand = workerCommand
    self.forksWorkers = forksWorkers
    self.outputsFolder = outputsFolder
    self.publish = publish
    self.remote = remote
    self.remoteLimits = remoteLimits
    self.executor = executor
    self.slurm = slurm
    self.fileArguments = fileArguments
    self.command = command.map(Credentials.redacted)
    self.request = request
  }
}
