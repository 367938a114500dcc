import Basics
import Foundation
import Imaging
import Pipeline
import Splats

/// Drops reconstructions whose views disagree: the study's multi-view check at yaw 0 and 15 degrees.
struct SplatsConsistency: SampleStage {
  static let type: StageType = "splats.consistency"
  static let version = 1
  static let summary = "Renders splats from two sides, compares the depths, and drops heads whose views disagree."
  static let over = SampleDriver.input("splats")
  static let inputs = [InputPort("splats", .splats, doc: "`gaussians.ply` of each sample.")]
  static let outputs = [
    OutputPort(
      "splats", .splats, .samples, doc: "Those that passed; record: consistency_rate, consistency_difference."),
    OutputPort(
      "manifest", .manifest, .files,
      doc: "`manifest.csv`, `manifest.json`: every sample with its scores and the verdict."),
  ]

  struct Parameters: StageParameters {
    var size = 1024
    var yaw = 15.0
    var opacity = 0.9
    var erosion = 5
    var faceThreshold: Int? = 30
    var tolerance = 0.02
    var minRate = 0.78
    var percentile: Double? = 95
    var percentileFrom = 20
    var reject = true

    static let fields: [ParameterField<Self>] = [
      .init("size", \.size, "Side of the two views.", unit: "px", type: .int(64...4096)),
      .init("yaw", \.yaw, "Angle between the two views.", unit: "degrees", type: .double(0.5...60)),
      .init("opacity", \.opacity, "Pixels count where the opacity is higher.", type: .double(0...1)),
      .init("erosion", \.erosion, "Taken off the edge of what counts.", unit: "px", type: .int(0...100)),
      .init(
        "face_threshold", \.faceThreshold,
        "Only pixels darker than white by more count in the first view; null for all that are opaque.",
        type: .optional(.int(0...255))),
      .init(
        "tolerance", \.tolerance, "Depths that differ by less are consistent; a share of the depth range.",
        type: .double(0...1)),
      .init(
        "min_rate", \.minRate, "A sample with a smaller share of consistent pixels is flagged.", type: .double(0...1)),
      .init(
        "percentile", \.percentile,
        "A sample whose mean difference is above this percentile of all samples is flagged; null for no such rule.",
        type: .optional(.double(0...100))),
      .init(
        "percentile_from", \.percentileFrom,
        "The percentile rule applies to collections of at least this many samples: in a smaller one it would always drop the "
          + "worst.", type: .int(2...1_000_000)),
      .init("reject", \.reject, "Drop flagged samples; false only records the verdict."),
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let cloud = try SplatSample.read(sample)
    let view = SplatCamera(width: parameters.size, height: parameters.size)
    let side = SplatCamera(width: parameters.size, height: parameters.size, yaw: parameters.yaw)
    let rasteriser = SplatRasteriser()
    guard let first = rasteriser.depthRange(cloud, camera: view),
      let second = rasteriser.depthRange(cloud, camera: side)
    else { throw BadSample("gaussians.ply of `\(sample.name)`: nothing lies in front of the camera") }
    let range = min(first.lowerBound, second.lowerBound)...max(first.upperBound, second.upperBound)
    let a = rasteriser.render(cloud, camera: view, depthRange: range)
    let b = rasteriser.render(cloud, camera: side, depthRange: range)
    var rules = ViewConsistency.Rules()
    rules.opacity = Float(parameters.opacity)
    rules.erosion = parameters.erosion
    rules.faceThreshold = parameters.faceThreshold.map(Float.init)
    rules.tolerance = Float(parameters.tolerance)
    guard let score = ViewConsistency(a, camera: view, b, camera: side, rules: rules) else {
      throw BadSample("gaussians.ply of `\(sample.name)`: the two views share no opaque pixel")
    }
    if let input = sample.samples["splats"] {
      for (role, file) in input.files { sample.pass(file, as: role, port: "splats") }
      sample.record(input.record, port: "splats")
    }
    sample.record(
      [
        "consistency_rate": .double(Self.rounded(score.rate)),
        "consistency_difference": .double(Self.rounded(score.meanDifference)),
        "consistency_px": .int(score.count),
      ], port: "splats")
  }

  /// Six digits: far finer than any use of the scores.
  private static func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }

  func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    let scores = context.samples("splats").map { sample in
      Score(
        name: sample.name, rate: sample.record["consistency_rate"]?.doubleValue ?? 0,
        difference: sample.record["consistency_difference"]?.doubleValue ?? 1)
    }
    let limit = Self.differenceLimit(scores.map(\.difference), parameters)
    var rows: [(score: Score, reason: String?)] = []
    for score in scores {
      let reason = Self.reason(score, limit: limit, parameters)
      rows.append((score, reason))
      if let reason, parameters.reject { context.reject(score.name, reason) }
    }
    var table = "name,rate,mean_difference,verdict,reason\n"
    var list: [JSON] = []
    for (score, reason) in rows {
      let verdict = reason == nil ? "kept" : parameters.reject ? "rejected" : "flagged"
      let fields = [score.name, "\(score.rate)", "\(score.difference)", verdict, reason ?? ""]
      table += fields.map(Self.quoted).joined(separator: ",") + "\n"
      list.append([
        "name": .string(score.name), "rate": .double(score.rate), "mean_difference": .double(score.difference),
        "verdict": .string(verdict), "reason": reason.map { .string($0) } ?? .null,
      ])
    }
    let document: JSON = ["difference_limit": limit.map { .double($0) } ?? .null, "samples": .array(list)]
    try context.write(table, to: "manifest.csv", port: "manifest")
    try context.write(document.pretty + "\n", to: "manifest.json", port: "manifest")
  }

  struct Score: Hashable {
    var name: String
    var rate: Double
    var difference: Double
  }

  /// The mean difference above which a sample is flagged; nil when the rule does not apply.
  static func differenceLimit(_ differences: [Double], _ parameters: Parameters) -> Double? {
    guard let percentile = parameters.percentile, differences.count >= parameters.percentileFrom else { return nil }
    return Statistics.percentile(differences, percentile)
  }

  static func reason(_ score: Score, limit: Double?, _ parameters: Parameters) -> String? {
    if score.rate < parameters.minRate {
      return "only \(share(score.rate)) of the pixels agree between the views, less than \(share(parameters.minRate))"
    }
    if let limit, score.difference > limit {
      return String(
        format: "the views differ by %.4f of the depth range on average, more than %.4f (percentile %g of all)",
        score.difference, limit, parameters.percentile ?? 0)
    }
    return nil
  }

  private static func share(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }

  private static func quoted(_ text: String) -> String {
    text.contains { $0 == "," || $0 == "\"" || $0 == "\n" } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
