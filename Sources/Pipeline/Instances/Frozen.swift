import Basics

extension StageInstance {
  /// The instance as JSON, so that a run can freeze it and a worker read it back.
  public var json: JSON {
    var members: [String: JSON] = [
      "id": .string(id), "stage": .string(stage), "uses": .string(type.type.rawValue),
      "labels": .array(labels.map { .array([.string($0.name), $0.value]) }), "with": parameters,
      "inputs": .object(
        inputs.mapValues { .array($0.map { ["instance": .string($0.instance), "port": .string($0.port)] }) }),
      "retries": .int(retries), "on_bad_sample": .string(onBadSample.rawValue),
    ]
    members["resources"] = .object(
      [
        "cpus": resources.cpus.map(JSON.int), "memory": resources.memory.map(JSON.int), "gpus": .int(resources.gpus),
        "time": resources.time.map(JSON.double), "executor": resources.executor.map { .string($0.rawValue) },
      ].compactMapValues { $0 })
    members["seed"] = seed.map { .string(String($0)) }
    members["timeout"] = timeout.map(JSON.double)
    members["gate"] = gate.map {
      ["approve": .string($0.approve.rawValue), "coverage": .double($0.coverage), "message": .string($0.message)]
    }
    return .object(members)
  }

  /// Reads what `json` wrote.
  /// - Throws: `Diagnostic` naming the field that is missing or the stage type that this version does not have;
  ///   `ParameterProblems` when the parameters do not fit it.
  public init(json: JSON, catalogue: StageCatalogue) throws {
    func text(_ key: String) throws -> String {
      guard let value = json[key]?.stringValue else { throw Diagnostic("a frozen stage has no `\(key)`") }
      return value
    }
    let id = try text("id")
    let uses = StageType(rawValue: try text("uses"))
    guard let type = catalogue[uses] else {
      throw Diagnostic("`\(id)` uses `\(uses)`, which this version does not have")
    }
    let opened = try OpenedStage(type, Node(json["with"] ?? [:]), shape: OpenedStage.pathShape(type))
    self.init(
      id: id, stage: try text("stage"), opened: opened,
      labels: (json["labels"]?.arrayValue ?? []).compactMap { pair in
        guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].stringValue else { return nil }
        return InstanceLabel(name: name, value: pair[1])
      },
      inputs: (json["inputs"]?.objectValue ?? [:]).mapValues { references in
        (references.arrayValue ?? []).compactMap {
          guard let instance = $0["instance"]?.stringValue, let port = $0["port"]?.stringValue else { return nil }
          return InputReference(instance: instance, port: port)
        }
      },
      seed: json["seed"]?.stringValue.flatMap(UInt64.init),
      resources: StageResources(
        cpus: json["resources"]?["cpus"]?.intValue, memory: json["resources"]?["memory"]?.intValue,
        gpus: json["resources"]?["gpus"]?.intValue ?? 0, time: json["resources"]?["time"]?.doubleValue,
        executor: json["resources"]?["executor"]?.stringValue.flatMap(ExecutorKind.init(rawValue:))),
      retries: json["retries"]?.intValue ?? 0, timeout: json["timeout"]?.doubleValue,
      gate: json["gate"].flatMap { gate in
        guard let approve = gate["approve"]?.stringValue.flatMap(GateApproval.init(rawValue:)) else { return nil }
        return StageGate(
          approve: approve, coverage: gate["coverage"]?.doubleValue ?? 1, message: gate["message"]?.stringValue ?? "")
      },
      onBadSample: json["on_bad_sample"]?.stringValue.flatMap(BadSamplePolicy.init(rawValue:)) ?? .fail)
  }
}
