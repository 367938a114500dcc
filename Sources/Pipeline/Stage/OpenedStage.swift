import Basics

/// A stage type with its typed parameters, whatever the type: made once, where the parameters are typed. Keys, plan and worker use
/// what is here.
public struct OpenedStage: Sendable {
  public let type: any Stage.Type
  /// All parameters, defaults included and paths absolute.
  public let parameters: JSON
  /// The parameters without paths: what enters the key.
  public let keyParameters: JSON
  /// The outputs under these parameters.
  public let outputs: [OutputPort]
  let body: StageBody

  /// Types the parameters.
  /// - Parameters:
  ///   - node: paths absolute.
  ///   - shape: the parameters' type where a value can hold a path (`pathShape`), which is costly to make for every instance;
  ///     nil where none can.
  /// - Throws: `ParameterProblems` with everything wrong in the node.
  init(_ type: any Stage.Type, _ node: Node, shape: ParameterType?) throws {
    func open<S: Stage>(_ type: S.Type) throws -> OpenedStage {
      let parameters = try S.Parameters(parameter: node)
      let key = parameters.parameterJSON ?? [:]
      return OpenedStage(type, parameters, full: shape.flatMap { Self.withPaths($0, node, key) } ?? key, key: key)
    }
    self = try open(type)
  }

  /// With default parameters: stands in for one whose parameters are wrong, which is reported, while the rest of a file is
  /// checked.
  init(standIn type: any Stage.Type) {
    func open<S: Stage>(_ type: S.Type) -> OpenedStage {
      OpenedStage(type, S.Parameters(), full: [:], key: [:])
    }
    self = open(type)
  }

  private init<S: Stage>(_ type: S.Type, _ parameters: S.Parameters, full: JSON, key: JSON) {
    self.type = type
    self.parameters = full
    keyParameters = key
    outputs = S.outputs(for: parameters)
    body = S().opened(parameters)
  }

  /// Files and folders that the stage reads as a whole.
  var sources: [ExternalSource] {
    switch body.form {
    case .whole(let work): work.sources
    case .samples(let work): work.sources
    }
  }

  /// The class of hardware that would make the stage's bytes on this machine; nil where no hardware changes them.
  var hardware: HardwareClass? {
    switch body.form {
    case .whole(let work): work.hardware
    case .samples(let work): work.hardware
    }
  }

  /// The work of a sample stage; nil for a stage that runs as a whole.
  var samples: (any SampledWork)? {
    if case .samples(let work) = body.form { work } else { nil }
  }

  /// Whether it reads anything besides the artifacts on its inputs.
  var readsExternalFiles: Bool { !sources.isEmpty || samples?.externalFiles != nil }

  static func parameterType(_ type: any Stage.Type) -> ParameterType {
    func open<S: Stage>(_ type: S.Type) -> ParameterType { S.Parameters.parameterType }
    return open(type)
  }

  // MARK: - Paths

  /// The type of a stage's parameters when a value can hold a path; else nil.
  static func pathShape(_ type: any Stage.Type) -> ParameterType? {
    let shape = parameterType(type)
    return shape.holdsPaths ? shape : nil
  }

  /// Puts the paths, which the key leaves out, back into a canonical value.
  private static func withPaths(_ type: ParameterType, _ node: Node?, _ key: JSON?) -> JSON? {
    guard type.holdsPaths, let node else { return key }
    switch (type, node.content) {
    case (.optional, .null): return .null
    case (.optional(let inner), _): return withPaths(inner, node, key)
    case (.object(let fields), .mapping):
      var members: [String: JSON] = [:]
      for field in fields { members[field.name] = withPaths(field.type, node[field.name], key?[field.name]) }
      return .object(members)
    case (.object, _): return key
    case (.list(let inner), .sequence(let items)):
      let keys = key?.arrayValue
      return .array(
        items.enumerated().compactMap { index, item in
          withPaths(inner, item, keys.flatMap { index < $0.count ? $0[index] : nil })
        })
    case (.map(let inner), .mapping(let entries)):
      return .object(
        Dictionary(
          entries.compactMap { entry in withPaths(inner, entry.value, key?[entry.key]).map { (entry.key, $0) } },
          uniquingKeysWith: { first, _ in first }))
    default: return node.json
    }
  }
}
