import Foundation
import Pipeline

/// Scores every network on every test set, and interpolation beside them, under one protocol.
struct EvaluateCross: WholeStage {
  static let type: StageType = "evaluate.cross"
  static let version = 3
  static let summary = "Scores every model on every test set under one protocol: the cross-degradation table."
  static let inputs = [
    InputPort("models", .model, arity: .many, doc: "Trained networks, labelled by what they were trained on."),
    EvaluationInterface.tests,
    EvaluationInterface.dataset,
    EvaluationInterface.zones,
  ]
  static let outputs = [EvaluationInterface.table]

  struct Parameters: StageParameters, EvaluationDetail {
    var scoring = ScoringProtocol()
    var baselines: [Interpolation] = [.bicubic]
    var baseline: String?
    var panels = true
    var panelSize = 512
    var resamples = 2000

    static let fields: [ParameterField<Self>] =
      [
        .init("protocol", \.scoring, "How numbers are measured."),
        .init("baselines", \.baselines, "Interpolations that are scored beside the networks."),
        .init(
          "baseline", \.baseline,
          "The method that paired tests compare with: its identifier in the table; null: the first interpolation."),
      ] + detailFields
  }

  func hardwareClass(_ parameters: Parameters) -> HardwareClass? { .ofNetworks }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let baselines = parameters.baselines.map { InterpolationMethod(interpolation: $0) }
    let evaluation = try MethodEvaluation(
      context, scoring: parameters.scoring, baselines: baselines,
      panelSize: parameters.paintedSize,
      resamples: parameters.resamples, baseline: parameters.baseline ?? parameters.baselines.first?.rawValue)
    try evaluation.write(try evaluation.run(), headline: ["psnr mse"])
  }
}
