import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct EvaluateTests {
  private func inputs(_ runner: StageRunner, size: Int = 64) async throws -> [String: [LabelledArtifact]] {
    let samples = try (0..<3).map { index in
      try runner.datasetSample(
        "face \(index)", side: "validation", SyntheticHead(size: size, shift: Double(index) * 0.1))
    }
    let dataset = StageRunner.artifact("dataset", samples: samples)
    let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
    var all = [String: [LabelledArtifact]].of(["dataset": dataset])
    all["tests"] = [
      LabelledArtifact(
        instance: "lr@render_q8", labels: ["kind": "render_q8"], artifact: try #require(pairs.artifacts["pairs"]))
    ]
    return all
  }

  private func result(_ raw: StageResult) throws -> EvaluationResult {
    try EvaluationResult(decoding: Data(try raw.text("cross.json", "table").utf8), name: "cross.json")
  }

  /// The trap in the study's table: one method, two protocols, two verdicts.
  @Test func meshProtocolsAreScoredApartAndDisagree() async throws {
    let runner = try StageRunner()
    let all = try await inputs(runner, size: 128)
    var scores: [String: Double] = [:]
    for kind in ["a", "b"] {
      let raw = try await runner.run(
        "evaluate", ["protocol": ["mesh": ["kind": .string(kind)]], "headline": ["fscore_0.01 mean"]], all)
      let found = try result(raw)
      #expect(found.protocol.name == "masked, mesh \(kind.uppercased())")
      #expect(found.protocol.summary.contains("Point clouds by protocol \(kind.uppercased())"))
      for threshold in ["0.01", "0.005", "0.001", "0.0005"] {
        scores["\(kind) \(threshold)"] = found.value("bicubic", on: "render_q8", "fscore_\(threshold)", "mean")
      }
      #expect(try raw.text("summary.txt", "table").contains("F-score at 0.01"))
    }
    for kind in ["a", "b"] {
      let loose = try #require(scores["\(kind) 0.01"])
      let tight = try #require(scores["\(kind) 0.001"])
      #expect(loose > 0.8 && tight < loose - 0.1, "\(scores)")
    }
    #expect(scores["a 0.001"] != scores["b 0.001"])
  }

  @Test func importedPredictionsAreScoredLikeAnyMethod() async throws {
    let runner = try StageRunner()
    var all = try await inputs(runner)
    let dataset = try #require(all["dataset"]?.first?.artifact)
    let folder = try runner.temporaryFolder()
    for sample in dataset.samples {
      let truth = try #require(sample.files["depth.png"]).image().raster
      try ImageFile.encode(truth.mapped { min($0 + 0.01, 1) }, as: .png16)
        .write(to: folder.appending(path: "\(sample.name).png"))
    }
    let imported = try await runner.run(
      "predictions.import", ["method": "Ours", "folder": .string(folder.path)], .of(["dataset": dataset]))
    let artifact = try #require(imported.artifacts["predictions"])
    #expect(artifact.samples.count == 3)
    all["predictions"] = [LabelledArtifact(instance: "ours", labels: [:], artifact: artifact)]
    let raw = try await runner.run("evaluate", ["panels": false], all)
    let found = try result(raw)
    #expect(found.methods.map(\.name) == ["Bicubic", "Ours"])
    #expect(abs(try #require(found.value("ours", on: "render_q8", "l1", "mean")) - 0.01) < 1e-4)
    #expect(abs(try #require(found.value("ours", on: "render_q8", "psnr", "mse")) - 40) < 0.05)
    // Three of three samples differ in one direction: the exact test says 2 / 2^3.
    let line = try raw.text("statistics.csv", "table").split(separator: "\n").first {
      $0.hasPrefix("ours,render_q8,l1,")
    }
    #expect(try #require(line?.split(separator: ",").dropLast().last.flatMap { Double($0) }) == 0.25)
    try FileManager.default.removeItem(at: folder.appending(path: "face 1.png"))
    let fewer = try await runner.run(
      "predictions.import", ["method": "Ours", "folder": .string(folder.path)], .of(["dataset": dataset]))
    #expect(fewer.rejected["face 1"]?.contains("has no prediction") == true)
  }

  @Test func detailedMetricsArePerfectForThePerfectPrediction() async throws {
    let runner = try StageRunner()
    var all = try await inputs(runner)
    let dataset = try #require(all["dataset"]?.first?.artifact)
    let samples = dataset.samples.map {
      Sample(
        name: $0.name, files: ["depth.png": $0.files["depth.png"]].compactMapValues { $0 }, record: ["method": "Truth"])
    }
    all["predictions"] = [
      LabelledArtifact(
        instance: "truth", labels: [:], artifact: StageRunner.artifact("predictions", samples: samples))
    ]
    let raw = try await runner.run("evaluate", ["protocol": ["detailed": true]], all)
    let found = try result(raw)
    func value(_ method: String, _ metric: String) -> Double {
      found.value(method, on: "render_q8", metric, "mean") ?? .nan
    }
    #expect(value("truth", "gradient_l1") == 0 && value("truth", "gradient_ssim") == 1)
    #expect(value("truth", "normal_angle") < 0.1 && value("truth", "delta_1") == 1)
    #expect(value("bicubic", "gradient_l1") > 0 && value("bicubic", "normal_angle") > value("truth", "normal_angle"))
  }

  @Test func unknownHeadlinesAndBaselinesAreNamed() async throws {
    let runner = try StageRunner()
    let all = try await inputs(runner)
    await #expect { _ = try await runner.run("evaluate", ["headline": ["fscore_0.01 mean"]], all) } throws: { error in
      (error as? ParameterProblems)?.diagnostics.first?.message.contains("psnr mse, psnr mean") == true
    }
    await #expect { _ = try await runner.run("evaluate", ["baseline": "bicubik"], all) } throws: {
      "\($0)".contains("did you mean `bicubic`?")
    }
  }

  /// The protocol of the papers on guided depth super-resolution, on the twelve pairs with published figures.
  @Test(.enabled(if: SharedData.isThere, "needs SHARED_DIR/data"))
  func theYardstickOfThePapersIsMet() async throws {
    let runner = try StageRunner()
    let pairs = try await runner.run(
      "pairs.collect", ["folder": .string(SharedData.folder("middlebury").path)])
    #expect(pairs.samples("dataset").count == 12)
    let dataset = try #require(pairs.artifacts["dataset"])
    var all = [String: [LabelledArtifact]].of(["dataset": dataset])
    for scale in [4, 8, 16] {
      let low = try await runner.run(
        "depth.degrade", ["kind": "bicubic_antialiased", "scale": .int(scale), "crop": true], .of(["dataset": dataset]))
      all["tests", default: []].append(
        LabelledArtifact(
          instance: "lr@\(scale)", labels: ["scale": .int(scale)], artifact: try #require(low.artifacts["pairs"])))
    }
    let raw = try await runner.run(
      "evaluate",
      [
        "interpolations": ["bicubic_antialiased"], "baseline": "bicubic_antialiased", "headline": ["rmse mean"],
        "protocol": ["masked": false, "clamp": false, "units_per_range": 255],
      ], all)
    let found = try result(raw)
    for (test, expected) in [("4", 2.267), ("8", 4.088), ("16", 6.514)] {
      let value = try #require(found.value("bicubic_antialiased", on: test, "rmse", "mean"))
      #expect(abs(value - expected) < 0.0015, "x\(test): \(value)")
    }
    #expect(try raw.text("summary.txt", "table").contains("x16"))
  }
}
