import Basics
import Foundation
import Imaging
import NN
import Pipeline

/// Scores methods on test sets against one dataset under one protocol: what every evaluation stage does.
struct MethodEvaluation {
  let context: StageContext
  let scoring: ScoringProtocol
  let methods: [any DepthMethod]
  let tests: [(id: String, title: String, artifact: Artifact, samples: [String: Sample])]
  let samples: [Sample]
  /// Longest side of painted pictures; nil paints none.
  let panelSize: Int?
  let resamples: Int
  /// The records of the methods for tables, in the order of `methods`.
  private let records: [MethodRecord]
  /// The method that paired tests compare with; nil for no tests.
  let baseline: String?
  /// The masks of the zone by sample, and their digest.
  private let zones: (samples: [String: Sample], digest: String)?

  /// - Parameters:
  ///   - context: with inputs `dataset`, `tests`, `models` and perhaps `zones`.
  ///   - baselines: methods besides the networks; they come first in every table.
  /// - Throws: `StageFailure` about inputs that do not fit together.
  init(
    _ context: StageContext, scoring: ScoringProtocol, baselines: [any DepthMethod], panelSize: Int?, resamples: Int,
    baseline: String?
  ) throws {
    self.context = context
    self.scoring = scoring
    self.panelSize = panelSize
    self.resamples = resamples
    let dataset = try context.input("dataset")
    tests = (context.inputs["tests"] ?? []).map { labelled in
      let samples = Dictionary(labelled.artifact.samples.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      return (Labels.test(of: labelled), Labels.testTitle(of: labelled), labelled.artifact, samples)
    }
    let ids = tests.map(\.id)
    if let twice = ids.first(where: { id in ids.count { $0 == id } > 1 }) {
      throw StageFailure(
        "two test sets are called `\(twice)`", help: "connect each degradation once, or give the matrix a label `kind`")
    }
    zones = context.optionalInput("zones").map { artifact in
      (
        Dictionary(artifact.samples.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
        artifact.digest.short
      )
    }
    let side = dataset.samples.filter(scoring.side.contains)
    guard !side.isEmpty else {
      throw StageFailure("the dataset has no sample on the side `\(scoring.side.rawValue)`")
    }
    samples = try side.filter(scoring.zone.contains)
    guard !samples.isEmpty else {
      throw StageFailure(
        "no view of \(side.count) lies within \(scoring.zone.viewYaw ?? 0) degrees of the front",
        help: "raise `zone.view_yaw`")
    }
    let all = baselines + (try (context.inputs["models"] ?? []).map { try NetworkMethod($0, tests: ids) })
    guard !all.isEmpty, !ids.isEmpty else {
      throw StageFailure("nothing to score: \(all.count) methods, \(ids.count) test sets")
    }
    let names = all.map(\.record.id)
    if let twice = names.first(where: { id in names.count { $0 == id } > 1 }) {
      throw StageFailure("two methods are called `\(twice)`", help: "connect each model once")
    }
    methods = all
    self.baseline = baseline
    let groups = Labels.seedGroups(of: context.inputs["models"] ?? [])
    let records = all.map { method in
      var record = method.record
      record.group = groups[record.id]
      return record
    }
    self.records = records
    let known = records.map(\.id) + records.compactMap(\.group)
    if let baseline, !known.contains(baseline) {
      throw StageFailure(
        "the baseline `\(baseline)` is not among the methods", help: suggestion(for: baseline, among: known))
    }
  }

  func run() throws -> EvaluationResult {
    let metrics = scoring.metrics
    let table = try score()
    try context.write(table.csv(metrics: metrics), to: "samples.csv", port: "table")
    let ids = tests.map(\.id)
    var result = EvaluationResult(
      protocol: scoring.record(zones: zones?.digest), metrics: metrics, methods: records,
      tests: tests.map { test in
        TestSetRecord(
          id: test.id, name: test.title, samples: samples.count { test.samples[$0.name] != nil },
          digest: test.artifact.digest.short)
      },
      cells: table.cells(
        methods: records.map(\.id), tests: ids, metrics: scoring.measured, units: scoring.unitsPerRange,
        resamples: resamples, seed: 0))
    result.seedGroups = SeedGroupRecord.groups(of: records)
    let seeds = SeedStatistics(table: table, result: result)
    result.seedCells = seeds.cells
    if let baseline {
      result.comparisons =
        PairedComparisons(
          baseline: baseline, result: result, resamples: resamples, values: seeds.values(_:on:_:)
        ).records
    }
    if let panelSize { result.panels = try paint(table, size: panelSize) }
    return result
  }

  /// The files every table artifact holds.
  func write(_ result: EvaluationResult, headline: [String]) throws {
    try context.write(result.encoded(), to: "cross.json", port: "table")
    try context.write(result.longCSV, to: "cross.csv", port: "table")
    if result.comparisons != nil { try context.write(result.statisticsCSV, to: "statistics.csv", port: "table") }
    if result.seedGroups != nil { try context.write(result.seedsCSV, to: "seeds.csv", port: "table") }
    try context.write(result.summary(headline: headline), to: "summary.txt", port: "table")
  }

  private func score() throws -> ScoreTable {
    var table = ScoreTable()
    let total = tests.count * samples.count
    var done = 0
    for test in tests {
      for sample in samples {
        if context.services.isStopping { throw CancellationError() }
        guard let pair = test.samples[sample.name] else {
          throw StageFailure(
            "`\(sample.name)` is not in test set `\(test.id)`", help: "every test set must hold the same samples")
        }
        let view = try open(sample, pair: pair)
        for method in methods {
          table.add(
            ScoreTable.Row(
              sample: sample.name, method: method.record.id, test: test.id,
              figures: try scoring.score(try predict(method, view), view)))
        }
        done += 1
        context.services.report(StageProgress(done: done, total: total, message: "\(test.id): \(sample.name)"))
      }
    }
    return table
  }

  private func open(_ sample: Sample, pair: Sample) throws -> EvaluatedSample {
    guard let zones else { return try EvaluatedSample(sample, pair: pair, zone: nil) }
    guard let zone = zones.samples[sample.name]?.files["mask.png"] else {
      throw StageFailure("`\(sample.name)` has no mask on the input `zones`", help: "give one for every scored sample")
    }
    return try EvaluatedSample(sample, pair: pair, zone: zone)
  }

  private func predict(_ method: any DepthMethod, _ view: EvaluatedSample) throws -> Raster {
    let photo = try method.guide.map { try view.guide($0) }
    let options = ComputeOptions(
      threads: context.threads, instructions: NN.options.instructions, precision: scoring.precision.value)
    let prediction = try NN.with(options) {
      try method.predict(
        view.low, width: view.truth.width, height: view.truth.height, photo: photo, sample: view.name)
    }
    return scoring.clamp ? prediction.clamped() : prediction
  }

  /// Each network on its own degradation; the plain baselines are in every panel already.
  private func paint(_ table: ScoreTable, size: Int) throws -> [PanelRecord] {
    var panels: [PanelRecord] = []
    let painter = PanelPainter(size: size)
    let metric = scoring.metrics[0]
    for (number, method) in methods.enumerated() {
      let record = method.record
      guard let own = record.trainedOn, let test = tests.first(where: { $0.id == own }) else { continue }
      for (rank, name, value) in table.ranked(method: record.id, test: own, metric: metric) {
        if context.services.isStopping { throw CancellationError() }
        guard let sample = samples.first(where: { $0.name == name }), let pair = test.samples[name] else { continue }
        let view = try open(sample, pair: pair)
        let baseline = try predict(InterpolationMethod(interpolation: .bicubic), view)
        let (images, limit) = try painter.paint(
          low: view.low, prediction: try predict(method, view), baseline: baseline, truth: view.truth, mask: view.mask,
          photo: view.photo)
        var paths: [String: String] = [:]
        for (role, data) in images {
          let path = "panels/\(number)_\(own)_\(rank)_\(role).png"
          try context.write(data, to: path, port: "table")
          paths[role] = path
        }
        panels.append(
          PanelRecord(
            rank: rank, sample: name, method: record.id, test: own, metric: metric.id, value: value, errorLimit: limit,
            images: paths))
      }
    }
    return panels
  }
}
