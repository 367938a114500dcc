import Pipeline

/// What `evaluate` and `evaluate.cross` declare alike.
enum EvaluationInterface {
  static let dataset = InputPort("dataset", .dataset, doc: "Ground truth, masks and sides.")
  static let tests = InputPort(
    "tests", .pairs, arity: .many, doc: "Low-resolution maps, labelled by their degradation.")
  static let zones = InputPort(
    "zones", .masks, arity: .optional, doc: "Pixels that count, by sample; part of the protocol.")
  static let table = OutputPort(
    "table", .table, .files,
    doc:
      "cross.json, cross.csv (long form), samples.csv, statistics.csv, seeds.csv (where seeds are compared), summary.txt, "
      + "panels/*.png")
}

/// Parameters of painted pictures and resampling, shared by the evaluating stages.
protocol EvaluationDetail {
  var panels: Bool { get set }
  var panelSize: Int { get set }
  var resamples: Int { get set }
}

extension EvaluationDetail {
  static var detailFields: [ParameterField<Self>] {
    [
      .init("panels", \.panels, "Paint the best, median and worst sample of each network on its own degradation."),
      .init("panel_size", \.panelSize, "Longest side of painted pictures.", unit: "px", type: .int(32...4096)),
      .init(
        "resamples", \.resamples, "Resamples of the bootstrap behind the 95 % intervals; 0: none.",
        type: .int(0...100_000)),
    ]
  }

  /// Longest side of painted pictures in pixels; nil: none are painted.
  var paintedSize: Int? { panels ? panelSize : nil }
}
