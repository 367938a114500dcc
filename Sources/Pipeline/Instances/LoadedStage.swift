import Basics

/// A stage with its typed parameters, opened from an instance whose type is known only at run time.
struct LoadedStage: Sendable {
  let type: any Stage.Type
  let sources: [ExternalSource]
  /// Nil for stages that run as a whole.
  let driver: SampleDriver?
  let externalFiles: @Sendable (_ sample: String) -> [ExternalFile]
  let run: @Sendable (StageContext) async throws -> Void
  let runSample: @Sendable (SampleContext) throws -> Void
  let finish: @Sendable (CollectContext) throws -> Void

  /// - Throws: `ParameterProblems` when the parameters do not fit the type.
  init(_ instance: StageInstance) throws {
    if let type = instance.type as? any SampleStage.Type {
      self = try Self.open(sample: type, instance)
    } else {
      self = try Self.open(whole: instance.type, instance)
    }
  }

  private init(
    type: any Stage.Type, sources: [ExternalSource], driver: SampleDriver?,
    externalFiles: @escaping @Sendable (String) -> [ExternalFile],
    run: @escaping @Sendable (StageContext) async throws -> Void,
    runSample: @escaping @Sendable (SampleContext) throws -> Void,
    finish: @escaping @Sendable (CollectContext) throws -> Void
  ) {
    self.type = type
    self.sources = sources
    self.driver = driver
    self.externalFiles = externalFiles
    self.run = run
    self.runSample = runSample
    self.finish = finish
  }

  private static func open<S: Stage>(whole type: S.Type, _ instance: StageInstance) throws -> LoadedStage {
    let parameters = try instance.decodeParameters(as: type)
    let stage = type.init()
    return LoadedStage(
      type: type, sources: stage.sources(parameters), driver: nil, externalFiles: { _ in [] },
      run: { try await stage.run($0, parameters) },
      runSample: { _ in preconditionFailure("\(type.type) runs as a whole") },
      finish: { _ in preconditionFailure("\(type.type) runs as a whole") })
  }

  private static func open<S: SampleStage>(sample type: S.Type, _ instance: StageInstance) throws -> LoadedStage {
    let parameters = try instance.decodeParameters(as: type)
    let stage = type.init()
    return LoadedStage(
      type: type, sources: stage.sources(parameters), driver: type.over,
      externalFiles: { stage.externalFiles(for: $0, parameters) },
      run: { _ in preconditionFailure("\(type.type) runs sample by sample") },
      runSample: { try stage.run(sample: $0, parameters) },
      finish: { try stage.finish($0, parameters) })
  }

  /// Whether samples have files of their own. The same for every sample name, so one question answers it.
  var hasExternalFiles: Bool { !externalFiles("sample").isEmpty }
}
