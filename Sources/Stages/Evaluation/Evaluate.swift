import Pipeline

/// Scores any set of methods on any set of test sets under one protocol, with statistics against a chosen baseline.
struct Evaluate: EvaluationStage {
  static let type: StageType = "evaluate"
  static let summary =
    "Scores interpolations, models and imported predictions under one protocol: image and mesh metrics, statistics."
  static let inputs = [
    EvaluationPorts.dataset,
    EvaluationPorts.tests,
    InputPort("models", .model, arity: .many, doc: "Trained networks."),
    InputPort(
      "predictions", .predictions, arity: .many, doc: "High-resolution maps made elsewhere (`predictions.import`)."),
    EvaluationPorts.zones,
  ]

  struct Parameters: EvaluationParameters {
    var settings = EvaluationSettings()
    var interpolations: [Interpolation] = [.bicubic]
    var baseline = "bicubic"
    var headline: [String] = ["psnr mse", "l1 mean"]

    var untrained: [Interpolation] { interpolations }
    var comparedWith: String? { baseline }

    static let fields: [ParameterField<Self>] =
      [
        protocolField,
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
      let known = settings.scoring.metrics
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
}
