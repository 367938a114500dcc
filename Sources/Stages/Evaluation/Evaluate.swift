import Basics
import Foundation
import Imaging
import Pipeline

/// Scores any set of methods on any set of test sets under one protocol, with statistics against a chosen baseline.
struct Evaluate: WholeStage {
  static let type: StageType = "evaluate"
  static let version = 3
  static let summary =
    "Scores interpolations, models and imported predictions under one protocol: image and mesh metrics, statistics."
  static let inputs = [
    EvaluationInterface.dataset,
    EvaluationInterface.tests,
    InputPort("models", .model, arity: .many, doc: "Trained networks."),
    InputPort(
      "predictions", .predictions, arity: .many, doc: "High-resolution maps made elsewhere (`predictions.import`)."),
    EvaluationInterface.zones,
  ]
  static let outputs = [EvaluationInterface.table]

  struct Parameters: StageParameters, EvaluationDetail {
    var scoring = ScoringProtocol()
    var interpolations: [Interpolation] = [.bicubic]
    var baseline = "bicubic"
    var headline: [String] = ["psnr mse", "l1 mean"]
    var panels = true
    var panelSize = 512
    var resamples = 2000

    static let fields: [ParameterField<Self>] =
      [
        .init("protocol", \.scoring, "How numbers are measured: one declaration for every method."),
        .init("interpolations", \.interpolations, "Methods that need no training."),
        .init(
          "baseline", \.baseline,
          "The method that paired tests compare with: its identifier in the table, without the seed where seeds are compared."
        ),
        .init(
          "headline", \.headline,
          "Tables in summary.txt: a metric and its aggregation, such as `psnr mse` or `rmse mean`."),
      ] + detailFields

    func validate() -> [String] {
      let known = scoring.metrics
      return headline.compactMap { line in
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2, let metric = known.first(where: { $0.id == words[0] }),
          metric.aggregations.contains(words[1])
        else {
          let all = known.flatMap { metric in metric.aggregations.map { "\(metric.id) \($0)" } }
          return "`headline` names `\(line)`, which this protocol does not measure; choose from: "
            + all.joined(separator: ", ")
        }
        return nil
      }
    }
  }

  func hardwareClass(_ parameters: Parameters) -> HardwareClass? { .ofNetworks }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    var methods: [any DepthMethod] = parameters.interpolations.map { InterpolationMethod(interpolation: $0) }
    methods += (context.inputs["predictions"] ?? []).map { ImportedMethod($0) }
    let evaluation = try MethodEvaluation(
      context, scoring: parameters.scoring, baselines: methods,
      panelSize: parameters.paintedSize, resamples: parameters.resamples,
      baseline: parameters.baseline)
    try evaluation.write(try evaluation.run(), headline: parameters.headline)
  }
}
