import Basics
import Foundation
import Imaging
import Pipeline

/// Scores any set of methods on any set of test sets under one protocol, with statistics against a chosen baseline.
struct Evaluate: Stage {
  static let type: StageType = "evaluate"
  static let version = 2
  static let summary =
    "Scores interpolations, models and imported predictions under one protocol: image and mesh metrics, statistics."
  static let inputs = [
    InputPort("dataset", .dataset, doc: "Ground truth, masks and sides."),
    InputPort("tests", .pairs, arity: .many, doc: "Low-resolution maps, labelled by their degradation."),
    InputPort("models", .model, arity: .many, doc: "Trained networks."),
    InputPort(
      "predictions", .predictions, arity: .many, doc: "High-resolution maps made elsewhere (`predictions.import`)."),
  ]
  static let outputs = [
    OutputPort(
      "table", .table, .files,
      doc: "cross.json, cross.csv (long form), samples.csv, statistics.csv, summary.txt, panels/*.png")
  ]

  struct Parameters: StageParameters {
    var scoring = ScoringProtocol()
    var interpolations: [Interpolation] = [.bicubic]
    var baseline = "bicubic"
    var headline: [String] = ["psnr mse", "l1 mean"]
    var panels = true
    var panelSize = 512
    var resamples = 2000

    static let fields: [ParameterField<Self>] = [
      .init("protocol", \.scoring, "How numbers are measured: one declaration for every method."),
      .init("interpolations", \.interpolations, "Methods that need no training."),
      .init("baseline", \.baseline, "The method that paired tests compare with: its identifier in the table."),
      .init(
        "headline", \.headline,
        "Tables in summary.txt: a metric and its aggregation, such as `psnr mse` or `rmse mean`."),
      .init("panels", \.panels, "Paint the best, median and worst sample of each network on its own degradation."),
      .init("panel_size", \.panelSize, "Longest side of painted pictures.", unit: "px", type: .int(32...4096)),
      .init(
        "resamples", \.resamples, "Resamples of the bootstrap behind the 95 % intervals; 0: none.",
        type: .int(0...100_000)),
    ]

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

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    var methods: [any DepthMethod] = parameters.interpolations.map { InterpolationMethod(interpolation: $0) }
    methods += (context.inputs["predictions"] ?? []).map { ImportedMethod($0) }
    let evaluation = try MethodEvaluation(
      context, scoring: parameters.scoring, baselines: methods,
      panelSize: parameters.panels ? parameters.panelSize : nil, resamples: parameters.resamples)
    let (result, table) = try evaluation.run()
    if !result.methods.contains(where: { $0.id == parameters.baseline }) {
      let all = result.methods.map(\.id)
      throw StageFailure(
        "the baseline `\(parameters.baseline)` is not among the methods",
        help: suggestion(for: parameters.baseline, among: all))
    }
    try evaluation.write(result, headline: parameters.headline)
    try context.write(table.statistics(result, baseline: parameters.baseline), to: "statistics.csv", port: "table")
  }
}

/// Predictions made elsewhere, by sample.
struct ImportedMethod: DepthMethod {
  let record: MethodRecord
  private let samples: [String: Sample]

  init(_ labelled: LabelledArtifact) {
    let name = labelled.artifact.samples.first?.record["method"]?.stringValue
    record = MethodRecord(
      id: labelled.instance, name: name ?? Labels.title(of: labelled, fallback: labelled.instance),
      digest: labelled.artifact.digest.short)
    samples = Dictionary(labelled.artifact.samples.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func predict(_ low: Raster, width: Int, height: Int, photo: Raster?, sample: String) throws -> Raster {
    guard let file = samples[sample]?.files["depth.png"] else {
      throw StageFailure(
        "`\(record.id)` holds no prediction for `\(sample)`", help: "predict every sample that is scored")
    }
    let depth = try SampleImage.grey(file, label: "prediction of `\(sample)`")
    guard (depth.width, depth.height) == (width, height) else {
      throw StageFailure(
        "the prediction of `\(sample)` by `\(record.id)` is \(depth.width) x \(depth.height), the ground truth "
          + "\(width) x \(height)")
    }
    return depth
  }
}

extension ScoreTable {
  /// `method,test,metric,n,mean,sd,low,high,difference,p`: per-sample means, and Wilcoxon's signed-rank test against the
  /// baseline on the same samples.
  func statistics(_ result: EvaluationResult, baseline: String) -> String {
    var lines = [
      ["method", "test", "metric", "n", "mean", "sd", "low95", "high95", "difference_to_\(baseline)", "p_wilcoxon"]
    ]
    for method in result.methods {
      for test in result.tests {
        for metric in result.metrics {
          let own = rows(method: method.id, test: test.id).compactMap { $0.scores[metric.id] }
          let other = rows(method: baseline, test: test.id).compactMap { $0.scores[metric.id] }
          guard !own.isEmpty else { continue }
          let compared = method.id == baseline ? nil : Statistics.wilcoxon(own, other)
          let cell = result.cell(method.id, on: test.id, metric.id, "mean")
          lines.append([
            method.id, test.id, metric.id, "\(own.count)", "\(Statistics.mean(own))",
            "\(Statistics.standardDeviation(own))", cell?.low.map { "\($0)" } ?? "", cell?.high.map { "\($0)" } ?? "",
            compared.map { "\($0.meanDifference)" } ?? "", compared.map { "\($0.pValue)" } ?? "",
          ])
        }
      }
    }
    return Stages.csv(lines)
  }
}
