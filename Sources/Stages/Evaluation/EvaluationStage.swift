import Pipeline

/// A stage that scores methods on test sets under one protocol. Stages of this kind differ in their ports and in what
/// their parameters are called; what they do is here.
protocol EvaluationStage: WholeStage where Parameters: EvaluationParameters {}

/// Parameters of a stage that scores.
protocol EvaluationParameters: StageParameters {
  var settings: EvaluationSettings { get set }
  /// Methods that need no training; they come first in every table.
  var untrained: [Interpolation] { get }
  /// The method that paired tests compare with: its identifier in the table; nil: no tests.
  var comparedWith: String? { get }
  /// Tables in summary.txt, each a metric and its aggregation.
  var headline: [String] { get }
}

/// Parameters that all stages of this kind share.
struct EvaluationSettings: Hashable, Sendable {
  var scoring = ScoringProtocol()
  var panels = true
  var panelSize = 512
  var resamples = 2000

  /// Longest side of painted pictures in pixels; nil: none are painted.
  var paintedSize: Int? { panels ? panelSize : nil }
}

extension EvaluationParameters {
  static var protocolField: ParameterField<Self> {
    .init("protocol", \.settings.scoring, "How numbers are measured: one declaration for every method.")
  }

  static var detailFields: [ParameterField<Self>] {
    [
      .init(
        "panels", \.settings.panels, "Paint the best, median and worst sample of each network on its own degradation."),
      .init("panel_size", \.settings.panelSize, "Longest side of painted pictures.", unit: "px", type: .int(32...4096)),
      .init(
        "resamples", \.settings.resamples, "Resamples of the bootstrap behind the 95 % intervals; 0: none.",
        type: .int(0...100_000)),
    ]
  }
}

extension EvaluationStage {
  /// One version for all: they make the same files by the same code.
  static var version: Int { 3 }

  static var outputs: [OutputPort] {
    [
      OutputPort(
        "table", .table, .files,
        doc:
          "cross.json, cross.csv (long form), samples.csv, statistics.csv, seeds.csv (where seeds are compared), summary.txt, "
          + "panels/*.png")
    ]
  }

  func hardwareClass(_ parameters: Parameters) -> HardwareClass? { .ofNetworks }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    var methods: [any DepthMethod] = parameters.untrained.map { InterpolationMethod(interpolation: $0) }
    methods += (context.inputs["predictions"] ?? []).map { ImportedMethod($0) }
    let settings = parameters.settings
    let evaluation = try MethodEvaluation(
      context, scoring: settings.scoring, baselines: methods, panelSize: settings.paintedSize,
      resamples: settings.resamples, baseline: parameters.comparedWith)
    try evaluation.write(try evaluation.run(), headline: parameters.headline)
  }
}

/// Ports of stages that score.
enum EvaluationPorts {
  static let dataset = InputPort("dataset", .dataset, doc: "Ground truth, masks and sides.")
  static let tests = InputPort(
    "tests", .pairs, arity: .many, doc: "Low-resolution maps, labelled by their degradation.")
  static let zones = InputPort(
    "zones", .masks, arity: .optional, doc: "Pixels that count, by sample; part of the protocol.")
}
