/// The work of a stage whose type and parameters are fixed, in one of its two forms.
public struct StageBody: Sendable {
  enum Form: Sendable {
    case whole(any WholeWork)
    case samples(any SampledWork)
  }

  let form: Form

  init(_ form: Form) { self.form = form }
}

/// The work of a `WholeStage`.
protocol WholeWork: Sendable {
  var sources: [ExternalSource] { get }
  var hardware: HardwareClass? { get }
  func run(_ context: StageContext) async throws
}

/// The work of a `SampleStage`.
protocol SampledWork: Sendable {
  var sources: [ExternalSource] { get }
  var hardware: HardwareClass? { get }
  var driver: SampleDriver { get }
  var externalFiles: ExternalFiles? { get }
  func run(sample: SampleContext) throws
  func finish(_ context: CollectContext) throws
}

struct OpenedWholeStage<S: WholeStage>: WholeWork {
  let stage: S
  let parameters: S.Parameters

  var sources: [ExternalSource] { stage.sources(parameters) }
  var hardware: HardwareClass? { stage.hardwareClass(parameters) }
  func run(_ context: StageContext) async throws { try await stage.run(context, parameters) }
}

struct OpenedSampleStage<S: SampleStage>: SampledWork {
  let stage: S
  let parameters: S.Parameters

  var sources: [ExternalSource] { stage.sources(parameters) }
  var hardware: HardwareClass? { stage.hardwareClass(parameters) }
  var driver: SampleDriver { S.over }
  var externalFiles: ExternalFiles? { stage.externalFiles(parameters) }
  func run(sample: SampleContext) throws { try stage.run(sample: sample, parameters) }
  func finish(_ context: CollectContext) throws { try stage.finish(context, parameters) }
}
