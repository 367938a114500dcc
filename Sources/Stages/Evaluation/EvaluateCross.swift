import Pipeline

/// Scores every network on every test set, and interpolation beside them, under one protocol.
struct EvaluateCross: EvaluationStage {
  static let type: StageType = "evaluate.cross"
  static let summary = "Scores every model on every test set under one protocol: the cross-degradation table."
  static let inputs = [
    InputPort("models", .model, arity: .many, doc: "Trained networks, labelled by what they were trained on."),
    EvaluationPorts.tests,
    EvaluationPorts.dataset,
    EvaluationPorts.zones,
  ]

  struct Parameters: EvaluationParameters {
    var settings = EvaluationSettings()
    var baselines: [Interpolation] = [.bicubic]
    var baseline: String?

    var untrained: [Interpolation] { baselines }
    var comparedWith: String? { baseline ?? baselines.first?.rawValue }
    var headline: [String] { ["psnr mse"] }

    static let fields: [ParameterField<Self>] =
      [
        protocolField,
        .init("baselines", \.baselines, "Interpolations that are scored beside the networks."),
        .init(
          "baseline", \.baseline,
          "The method that paired tests compare with: its identifier in the table; null: the first interpolation."),
      ] + detailFields
  }
}
