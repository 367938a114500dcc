import Basics

/// A stage of a pipeline file with every choice made: one combination of matrix and variant values, typed parameters,
/// inputs as references to other instances. What the evaluator and the workers start from.
public struct StageInstance: Sendable {
  /// Unique within the pipeline: `split`, `train@bicubic`, `train@dsine,seed=2,bicubic`.
  public var id: String
  /// The name in the file's `stages:`.
  public var stage: String
  /// The stage type with its typed parameters.
  public var opened: OpenedStage
  /// Variant and matrix values in declared order: the variant first, then the file's matrix, then the stage's own.
  public var labels: [InstanceLabel]
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
    id: String, stage: String, opened: OpenedStage, labels: [InstanceLabel] = [],
    inputs: [String: [InputReference]] = [:],
    seed: UInt64? = nil, resources: StageResources = StageResources(), retries: Int = 0, timeout: Double? = nil,
    gate: StageGate? = nil, onBadSample: BadSamplePolicy = .fail, mark: Mark? = nil
  ) {
    self.id = id
    self.stage = stage
    self.opened = opened
    self.labels = labels
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

  public var type: any Stage.Type { opened.type }
  /// See `OpenedStage`, as for the next two.
  public var parameters: JSON { opened.parameters }
  public var keyParameters: JSON { opened.keyParameters }
  public var outputs: [OutputPort] { opened.outputs }
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
