import Basics

/// One matrix combination of a stage in one combination, with typed parameters and inputs still as texts.
struct StageDraft {
  struct Input {
    var port: String
    var mark: Mark?
    var isList: Bool
    var references: [(text: String, mark: Mark?)]
  }

  var stage: String
  var mark: Mark?
  var labels: [InstanceLabel] = []
  /// Names of labels that are no axis of the matrix: `include` added them.
  var attributes: Set<String> = []
  /// Nil when the file names a type that does not exist.
  var type: (any Stage.Type)?
  /// The type with its parameters; nil when those are wrong.
  var opened: OpenedStage?
  /// Nil when they cannot be known because the parameters are wrong.
  var outputs: [OutputPort]?
  var inputs: [Input] = []
  /// False when they are not a map, which is reported already.
  var inputsAreKnown = true
  var seed: UInt64?
  var settings = StageSettings()

  /// Everything that makes this draft differ from that of another combination, as one value.
  var signature: JSON {
    [
      .array(labels.map { [.string($0.name), $0.value] }), .string(type?.type.rawValue ?? ""),
      opened?.parameters ?? [:],
      .array(inputs.map { [.string($0.port), .array($0.references.map { .string($0.text) })] }),
      seed.map { .string(String($0)) } ?? .null, settings.signature,
    ]
  }
}

/// A file's settings for running a stage.
struct StageSettings {
  var resources = StageResources()
  var retries = 0
  var timeout: Double?
  var gate: StageGate?
  var onBadSample = BadSamplePolicy.fail

  var signature: JSON {
    [
      resources.cpus.map(JSON.int) ?? .null, resources.memory.map(JSON.int) ?? .null, .int(resources.gpus),
      resources.time.map(JSON.double) ?? .null, resources.executor.map { .string($0.rawValue) } ?? .null, .int(retries),
      timeout.map(JSON.double) ?? .null,
      .string(onBadSample.rawValue),
      gate.map { [.string($0.approve.rawValue), .double($0.coverage), .string($0.message)] } ?? .null,
    ]
  }
}
