import Basics

extension StageInstance {
  /// Format of `json`. Format 1 left out what was nil.
  private static let format = 2

  /// The instance as JSON, so that a run can freeze it and a worker read it back. Every field is there, `null` where it has no
  /// value: a reader can tell a lost field from an empty one.
  public var json: JSON {
    [
      "format": .int(Self.format), "id": .string(id), "stage": .string(stage), "uses": .string(type.type.rawValue),
      "labels": .array(labels.map { .array([.string($0.name), $0.value]) }), "with": parameters,
      "inputs": .object(
        inputs.mapValues { .array($0.map { ["instance": .string($0.instance), "port": .string($0.port)] }) }),
      "seed": seed.map { .string(String($0)) } ?? .null, "resources": resources.json, "retries": .int(retries),
      "timeout": timeout.map(JSON.double) ?? .null, "gate": gate?.json ?? .null,
      "on_bad_sample": .string(onBadSample.rawValue),
    ]
  }

  /// Reads what `json` wrote, in this version or an earlier one.
  /// - Throws: `Diagnostic` naming the field that is missing or of another type, or the stage type that this version does
  ///   not have; `ParameterProblems` when the parameters do not fit it.
  public init(json: JSON, catalogue: StageCatalogue) throws {
    do { self = try Self.read(json, catalogue) } catch let problem as RecordProblem {
      let name = json["id"]?.stringValue.map { "`\($0)`" } ?? "a stage"
      throw Diagnostic("\(name) cannot be read back from its frozen form: \(problem)")
    }
  }

  private static func read(_ json: JSON, _ catalogue: StageCatalogue) throws -> StageInstance {
    let fields = try RecordFields(json)
    let format = try fields.readIfPresent("format", as: Int.self) ?? 1
    guard (1...Self.format).contains(format) else {
      throw RecordProblem("is \(format), which this version does not know", path: ["format"])
    }
    let isComplete = format >= 2
    let id: String = try fields.read("id")
    let uses: StageType = try fields.read("uses")
    guard let type = catalogue[uses] else {
      throw Diagnostic("`\(id)` uses `\(uses)`, which this version does not have")
    }
    let parameters: JSON = try fields.read("with")
    return StageInstance(
      id: id, stage: try fields.read("stage"),
      opened: try OpenedStage(type, Node(parameters), shape: OpenedStage.pathShape(type)),
      labels: try fields.read("labels"), inputs: try fields.read("inputs"),
      seed: try fields.readOptional("seed", isComplete: isComplete),
      resources: try fields.readNested("resources") { try StageResources(fields: $0, isComplete: isComplete) },
      retries: try fields.read("retries"), timeout: try fields.readOptional("timeout", isComplete: isComplete),
      gate: try fields.readOptional("gate", isComplete: isComplete), onBadSample: try fields.read("on_bad_sample"))
  }
}

extension RecordFields {
  /// A field without a value: `null` in a complete record, absent in those of format 1.
  fileprivate func readOptional<Value: RecordValue>(_ name: String, isComplete: Bool) throws -> Value? {
    isComplete ? try read(name) : try readIfPresent(name)
  }
}

extension StageResources {
  fileprivate var json: JSON {
    [
      "cpus": cpus.map(JSON.int) ?? .null, "memory": memory.map(JSON.int) ?? .null, "gpus": .int(gpus),
      "time": time.map(JSON.double) ?? .null, "executor": executor.map { .string($0.rawValue) } ?? .null,
    ]
  }

  fileprivate init(fields: RecordFields, isComplete: Bool) throws {
    self.init(
      cpus: try fields.readOptional("cpus", isComplete: isComplete),
      memory: try fields.readOptional("memory", isComplete: isComplete), gpus: try fields.read("gpus"),
      time: try fields.readOptional("time", isComplete: isComplete),
      executor: try fields.readOptional("executor", isComplete: isComplete))
  }
}

extension StageGate: RecordValue {
  fileprivate var json: JSON {
    ["approve": .string(approve.rawValue), "coverage": .double(coverage), "message": .string(message)]
  }

  public init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(
      approve: try fields.read("approve"), coverage: try fields.read("coverage"), message: try fields.read("message"))
  }
}

/// A pair of name and value.
extension InstanceLabel: RecordValue {
  public init(record: JSON) throws {
    let pair = try [JSON](record: record)
    guard pair.count == 2, let name = pair[0].stringValue else {
      throw RecordProblem("is not a pair of name and value")
    }
    self.init(name: name, value: pair[1])
  }
}

extension InputReference: RecordValue {
  public init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(instance: try fields.read("instance"), port: try fields.read("port"))
  }
}

extension StageType: RecordValue {}
extension GateApproval: RecordValue {}
extension BadSamplePolicy: RecordValue {}
extension ExecutorKind: RecordValue {}
