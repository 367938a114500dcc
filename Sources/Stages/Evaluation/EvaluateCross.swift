import Foundation
import Pipeline

/// Scores every network on every test set, and interpolation beside them, under one protocol.
struct EvaluateCross: Stage {
  static let type: StageType = "evaluate.cross"
  static let version = 3
  static let summary = "Scores every model on every test set under one protocol: the cross-degradation table."
  static let inputs = [
    InputPort("models", .model, arity: .many, doc: "Trained networks, labelled by what they were trained on."),
    InputPort("tests", .pairs, arity: .many, doc: "Low-resolution maps, labelled by their degradation."),
    InputPort("dataset", .dataset, doc: "Ground truth, masks and sides."),
    InputPort("zones", .masks, arity: .optional, doc: "Pixels that count, by sample; part of the protocol."),
  ]
  static let outputs = [
    OutputPort(
      "table", .table, .files,
      doc:
        "cross.json, cross.csv (long form), samples.csv, statistics.csv, seeds.csv (where seeds are compared), summary.txt, "
        + "panels/*.png")
  ]

  struct Parameters: StageParameters {
    var scoring = ScoringProtocol()
    var baselines: [Interpolation] = [.bicubic]
    var baseline: String?
    var panels = true
    var panelSize = 512
    var resamples = 2000

    static let fields: [ParameterField<Self>] = [
      .init("protocol", \.scoring, "How numbers are measured."),
      .init("baselines", \.baselines, "Interpolations that are scored beside the networks."),
      .init(
        "baseline", \.baseline,
        "The method that paired tests compare with: its identifier in the table; null: the first interpolation."),
      .init("panels", \.panels, "Paint the best, median and worst sample of each network on its own degradation."),
      .init("panel_size", \.panelSize, "Longest side of painted pictures.", unit: "px", type: .int(32...4096)),
      .init(
        "resamples", \.resamples, "Resamples of the bootstrap behind the 95 % intervals; 0: none.",
        type: .int(0...100_000)),
    ]
  }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let baselines = parameters.baselines.map { InterpolationMethod(interpolation: $0) }
    let evaluation = try MethodEvaluation(
      context, scoring: parameters.scoring, baselines: baselines,
      panelSize: parameters.panels ? parameters.panelSize : nil,
      resamples: parameters.resamples, baseline: parameters.baseline ?? parameters.baselines.first?.rawValue)
    try evaluation.write(try evaluation.run(), headline: ["psnr mse"])
  }
}
