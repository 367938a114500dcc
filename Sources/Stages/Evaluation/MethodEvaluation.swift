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

  /// - Parameters:
  ///   - context: with inputs `dataset`, `tests` and `models`.
  ///   - baselines: methods besides the networks; they stand first in every table.
  /// - Throws: `StageFailure` about inputs that do not fit together.
  init(
    _ context: StageContext, scoring: ScoringProtocol, baselines: [any DepthMethod], panelSize: Int?, resamples: Int
  ) throws {
    NN.setThreads(context.threads)
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
    samples = dataset.samples.filter(scoring.side.contains)
    guard !samples.isEmpty else {
      throw StageFailure("the dataset has no sample on the side `\(scoring.side.rawValue)`")
    }
    methods = baselines + (try (context.inputs["models"] ?? []).map { try NetworkMethod($0, tests: ids) })
    guard !methods.isEmpty, !tests.isEmpty else {
      throw StageFailure("nothing to score: \(methods.count) methods, \(tests.count) test sets")
    }
    if let twice = methods.map(\.record.id).first(where: { id in methods.count { $0.record.id == id } > 1 }) {
      throw StageFailure("two methods are called `\(twice)`", help: "connect each model once")
    }
  }

  func run() throws -> (result: EvaluationResult, table: ScoreTable) {
    let metrics = scoring.metrics
    let table = try score()
    try context.write(table.csv(metrics: metrics), to: "samples.csv", port: "table")
    let records = methods.map(\.record)
    var result = EvaluationResult(
      protocol: scoring.record, metrics: metrics, methods: records,
      tests: tests.map { test in
        TestSetRecord(
          id: test.id, name: test.title, samples: samples.count { test.samples[$0.name] != nil },
          digest: test.artifact.digest.short)
      },
      cells: table.cells(
        methods: records.map(\.id), tests: tests.map(\.id), metrics: metrics, units: scoring.unitsPerRange,
        resamples: resamples, seed: 0))
    if let panelSize { result.panels = try paint(table, size: panelSize) }
    return (result, table)
  }

  /// The files every table artifact holds.
  func write(_ result: EvaluationResult, headline: [String]) throws {
    try context.write(result.encoded(), to: "cross.json", port: "table")
    try context.write(result.longCSV, to: "cross.csv", port: "table")
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
        let view = try EvaluatedSample(sample, pair: pair)
        for method in methods {
          table.add(
            ScoreTable.Row(
              sample: sample.name, method: method.record.id, test: test.id,
              scores: try scoring.score(
                try predict(method, view), truth: view.truth, mask: view.mask, sample: sample.name)))
        }
        done += 1
        context.services.report(StageProgress(done: done, total: total, message: "\(test.id): \(sample.name)"))
      }
    }
    return table
  }

  private func predict(_ method: any DepthMethod, _ view: EvaluatedSample) throws -> Raster {
    let prediction = try method.predict(
      view.low, width: view.truth.width, height: view.truth.height, photo: try method.guide.map { try view.guide($0) },
      sample: view.name)
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
        let view = try EvaluatedSample(sample, pair: pair)
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

/// One sample of a dataset and of a test set, opened.
struct EvaluatedSample {
  let name: String
  let low: Raster
  let truth: Raster
  let mask: Mask
  let photo: Raster?
  private let sample: Sample
  /// Size of the truth before columns and rows were left out.
  private let fullSize: (width: Int, height: Int)

  /// - Throws: `StageFailure` and `BadSample` naming the file that is missing or does not fit.
  init(_ sample: Sample, pair: Sample) throws {
    func label(_ role: String) -> String { "\(role) of `\(sample.name)`" }
    func file(_ role: String) throws -> StoredFile {
      guard let file = sample.files[role] else { throw StageFailure("`\(sample.name)` has no `\(role)`") }
      return file
    }
    guard let lowFile = pair.files["lr.png"] ?? pair.files["lr.tiff"] else {
      throw StageFailure("`\(sample.name)` has no low-resolution map")
    }
    name = sample.name
    self.sample = sample
    let role = PairRecord.truthRole(pair)
    let isPhoto = role == "photo.png"
    func image(_ file: StoredFile, _ what: String) throws -> Raster {
      try isPhoto
        ? SampleImage.colour(file, label: label(what)) : SampleImage.grey(file, label: label(what))
    }
    low = try image(lowFile, "low-resolution map")
    var truth = try image(try file(role), role)
    fullSize = (truth.width, truth.height)
    var mask =
      try isPhoto && sample.files["mask.png"] == nil
      ? Mask(width: truth.width, height: truth.height, repeating: true)
      : SampleImage.mask(file("mask.png"), label: label("mask.png"))
    guard (mask.width, mask.height) == (truth.width, truth.height) else {
      throw StageFailure("mask and depth of `\(sample.name)` differ in size")
    }
    var photo = try sample.files["photo.png"].map { try SampleImage.colour($0, label: label("photo.png")) }
    // Where the scale does not divide the size, the degradation left out the last columns and rows.
    if let scale = pair.record["scale"]?.intValue {
      let (width, height) = (low.width * scale, low.height * scale)
      if width <= truth.width, height <= truth.height, (width, height) != (truth.width, truth.height) {
        if let picture = photo, (picture.width, picture.height) == (truth.width, truth.height) {
          photo = picture.cropped(x: 0, y: 0, width: width, height: height)
        }
        truth = truth.cropped(x: 0, y: 0, width: width, height: height)
        mask = Mask(mask.raster.cropped(x: 0, y: 0, width: width, height: height))
      }
    }
    (self.truth, self.mask, self.photo) = (truth, mask, photo)
  }

  /// What a guided method sees, cut to the truth.
  /// - Throws: `StageFailure` when the dataset has no such file or it is of another shape.
  func guide(_ choice: GuideChoice) throws -> Raster {
    let whole = try choice.read(
      try choice.file(of: sample), sample: name, width: fullSize.width, height: fullSize.height)
    return (whole.width, whole.height) == (truth.width, truth.height)
      ? whole : whole.cropped(x: 0, y: 0, width: truth.width, height: truth.height)
  }
}
