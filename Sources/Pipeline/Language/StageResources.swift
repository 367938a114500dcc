/// The resources that a stage may use. Never part of a key.
public struct StageResources: Hashable, Sendable {
  /// Processor cores; nil leaves the choice to the engine.
  public var cpus: Int?
  /// Bytes.
  public var memory: Int?
  public var gpus: Int
  /// Wall-clock limit of a batch job in seconds.
  public var time: Double?
  /// Where the stage runs although the run's executor is another; a run on this machine runs everything here.
  public var executor: ExecutorKind?

  public init(
    cpus: Int? = nil, memory: Int? = nil, gpus: Int = 0, time: Double? = nil, executor: ExecutorKind? = nil
  ) {
    self.executor = executor
    self.cpus = cpus
    self.memory = memory
    self.gpus = gpus
    self.time = time
  }
}
