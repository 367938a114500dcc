import Basics

/// A stage of a pipeline file with every choice made: one combination of matrix and variant values, typed parameters,
/// inputs as references to other instances. What the planner and the workers start from.
public struct StageInstance: Sendable {
  /// Unique within the pipeline: `split`, `train@bicubic`, `train@dsine,seed=2,bicubic`.
  public var id: String
  /// The name in the file's `stages:`.
  public var stage: String
  public var type: any Stage.Type
  /// Variant and matrix values in declared order: the variant first, then the file's matrix, then the stage's own.
  public var labels: [InstanceLabel]
  /// All parameters, defaults included and paths absolute; a worker decodes them with `decodeParameters`.
  public var parameters: JSON
  /// The parameters without paths: what enters the key.
  public var keyParameters: JSON
  /// The outputs under these parameters.
  public var outputs: [OutputPort]
  /// References by input port, in the order written; a port that is not connected has no entry.
  public var inputs: [String: [InputReference]]
  /// Nil where the stage type does not use a seed.
  public var seed: UInt64?
  public var resources: StageResources
  /// How often a failed attempt is repeated.
  public var retries: Int
  /// Seconds after which an attempt is ended; nil for no limit.
  public var timeout: Double?
  public var gate: StageGate?
  public var onBadSample: BadSamplePolicy
  /// Where the stage's name stands; nil when read back from JSON.
  public var mark: Mark?

  public init(
    id: String, stage: String, type: any Stage.Type, labels: [InstanceLabel] = [], parameters: JSON = [:],
    keyParameters: JSON = [:], outputs: [OutputPort]? = nil, inputs: [String: [InputReference]] = [:],
    seed: UInt64? = nil, resources: StageResources = StageResources(), retries: Int = 0, timeout: Double? = nil,
    gate: StageGate? = nil, onBadSample: BadSamplePolicy = .fail, mark: Mark? = nil
  ) {
    self.id = id
    self.stage = stage
    self.type = type
    self.labels = labels
    self.parameters = parameters
    self.keyParameters = keyParameters
    self.outputs = outputs ?? type.outputs
    self.inputs = inputs
    self.seed = seed
    self.resources = resources
    self.retries = retries
    self.timeout = timeout
    self.gate = gate
    self.onBadSample = onBadSample
    self.mark = mark
  }

  /// The labels by name, as `LabelledArtifact` carries them.
  public var labelValues: [String: JSON] {
    Dictionary(labels.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
  }

  /// The instances that this one reads from, each once, in the order of port names.
  public var upstream: [String] {
    var seen: Set<String> = []
    return inputs.sorted { $0.key < $1.key }.flatMap { $0.value.map(\.instance) }.filter { seen.insert($0).inserted }
  }

  /// The typed parameters, for opening `type`: `instance.decodeParameters(as: S.self)`.
  /// - Throws: `ParameterProblems` when the JSON does not fit, which means that it comes from another version.
  public func decodeParameters<S: Stage>(as type: S.Type) throws -> S.Parameters {
    try S.Parameters(parameter: Node(parameters))
  }
}

/// One matrix or variant value of an instance.
public struct InstanceLabel: Hashable, Sendable {
  /// The axis, such as `kind`; `variant` for the variant.
  public var name: String
  public var value: JSON

  public init(name: String, value: JSON) {
    self.name = name
    self.value = value
  }

  /// The value as file text: strings bare, numbers as written in YAML.
  public var text: String { value.stringValue ?? value.canonical }
}

/// Where an input comes from.
public struct InputReference: Hashable, Sendable {
  public var instance: String
  public var port: String

  public init(instance: String, port: String) {
    self.instance = instance
    self.port = port
  }
}

/// A point where a pipeline waits for a person or an outside program.
public struct StageGate: Hashable, Sendable {
  public var approve: GateApproval
  /// The share of expected samples that must be there, 0...1.
  public var coverage: Double
  /// May hold `${inputs.<port>}`, which the engine replaces by where that input was published.
  public var message: String

  public init(approve: GateApproval, coverage: Double = 1, message: String) {
    self.approve = approve
    self.coverage = coverage
    self.message = message
  }
}
