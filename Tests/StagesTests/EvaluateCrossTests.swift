import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct EvaluateCrossTests {
  /// Three validation heads and one that trains, degraded by each kind.
  private func inputs(_ runner: StageRunner, kinds: [String]) async throws -> [String: [LabelledArtifact]] {
    let samples = try (0..<4).map { index in
      try runner.datasetSample(
        "face \(index)", side: index == 3 ? "train" : "validation", SyntheticHead(shift: Double(index) * 0.1))
    }
    let dataset = StageRunner.artifact("dataset", samples: samples)
    var tests: [LabelledArtifact] = []
    for kind in kinds {
      let pairs = try await runner.run("depth.degrade", ["kind": .string(kind)], .of(["dataset": dataset]))
      tests.append(
        LabelledArtifact(
          instance: "lr@\(kind)", labels: ["kind": .string(kind)], artifact: try #require(pairs.artifacts["pairs"])))
    }
    var all = [String: [LabelledArtifact]].of(["dataset": dataset])
    all["tests"] = tests
    return all
  }

  private func evaluate(
    _ runner: StageRunner, _ parameters: JSON, kinds: [String]
  ) async throws -> (result: EvaluationResult, artifact: Artifact, raw: StageResult) {
    let raw = try await runner.run("evaluate.cross", parameters, try await inputs(runner, kinds: kinds))
    let text = try raw.text("cross.json", "table")
    return (
      try EvaluationResult(decoding: Data(text.utf8), name: "cross.json"), try #require(raw.artifacts["table"]), raw
    )
  }

  @Test func scoresInterpolationsOnTheValidationSideOnly() async throws {
    let runner = try StageRunner()
    let (result, artifact, raw) = try await evaluate(
      runner, ["baselines": ["nearest", "bilinear", "bicubic"]], kinds: ["bicubic", "render_q8"])
    #expect(result.methods.map(\.id) == ["nearest", "bilinear", "bicubic"])
    #expect(result.tests.map(\.id) == ["bicubic", "render_q8"])
    #expect(result.tests.map(\.samples) == [3, 3])
    let nearest = try #require(result.value("nearest", on: "bicubic", "psnr", "mse"))
    let bicubic = try #require(result.value("bicubic", on: "bicubic", "psnr", "mse"))
    #expect(bicubic > nearest && nearest > 15)
    #expect(
      artifact.files.keys.sorted() == ["cross.csv", "cross.json", "samples.csv", "statistics.csv", "summary.txt"])
    let samples = try raw.text("samples.csv", "table").split(separator: "\n")
    #expect(samples[0] == "sample,method,test,metric,value")
    #expect(samples.count == 1 + 3 * 3 * 2 * ScoreTableMetrics.count)
    #expect(!samples.contains { $0.hasPrefix("face 3") })
  }

  private enum ScoreTableMetrics { static let count = 8 }

  /// Both aggregations from the per-sample values, and those from the pictures themselves.
  @Test func aggregationsAreWhatTheirNamesSay() async throws {
    let runner = try StageRunner()
    let (result, _, raw) = try await evaluate(runner, [:], kinds: ["render"])
    var values: [String: [Double]] = [:]
    for line in try raw.text("samples.csv", "table").split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",")
      values[String(fields[3]), default: []].append(try #require(Double(fields[4])))
    }
    for suffix in ["", "_full"] {
      let rmse = try #require(values["rmse" + suffix])
      let psnr = try #require(values["psnr" + suffix])
      let mse = rmse.reduce(0) { $0 + $1 * $1 } / 3
      func value(_ metric: String, _ aggregation: String) -> Double {
        result.value("bicubic", on: "render", metric + suffix, aggregation) ?? .nan
      }
      #expect(abs(value("psnr", "mse") - -10 * log10(mse)) < 1e-3)
      #expect(abs(value("psnr", "mean") - psnr.reduce(0, +) / 3) < 1e-9)
      #expect(abs(value("rmse", "mse") - mse.squareRoot()) < 1e-9)
      for (a, b) in zip(psnr, rmse) { #expect(abs(a - -20 * log10(b)) < 1e-3) }
    }
    #expect(
      result.value("bicubic", on: "render", "psnr_full", "mse") != result.value("bicubic", on: "render", "psnr", "mse"))
    let cell = try #require(result.cell("bicubic", on: "render", "l1", "mean"))
    #expect(try #require(cell.low) <= cell.value && cell.value <= (try #require(cell.high)))
  }

  @Test func maskedL1CountsOnlyTheMask() async throws {
    let runner = try StageRunner()
    var all = try await inputs(runner, kinds: ["render"])
    let dataset = try #require(all["dataset"]?.first?.artifact)
    let inside = (20..<32).flatMap { y in (16..<40).map { (x: $0, y: y) } }
    var mask = Raster(width: 64, height: 64)
    for (x, y) in inside { mask[x, y] = 1 }
    let file = try runner.store(mask, .png8)
    let samples = dataset.samples.map { sample in
      var sample = sample
      sample.files["mask.png"] = file
      return sample
    }
    all["dataset"] = [
      LabelledArtifact(instance: "split", labels: [:], artifact: StageRunner.artifact("dataset", samples: samples))
    ]
    let raw = try await runner.run("evaluate.cross", ["panels": false], all)
    let result = try EvaluationResult(decoding: Data(try raw.text("cross.json", "table").utf8), name: "cross.json")
    var expected = 0.0
    for index in 0..<3 {
      let truth = try #require(samples[index].files["depth.png"]).image().raster
      let pairs = try #require(all["tests"]?.first?.artifact.samples[index].files["lr.png"]).image().raster
      let prediction = Resize.cubic(pairs, width: 64, height: 64)
      for (x, y) in inside {
        expected += abs(Double(min(max(prediction[x, y], 0), 1)) - Double(truth[x, y])) / Double(3 * inside.count)
      }
    }
    #expect(abs((result.value("bicubic", on: "render", "l1", "mean") ?? 0) - expected) < 1e-6)
  }

  @Test func aMaskOfAFewPixelsIsAnError() async throws {
    let runner = try StageRunner()
    var all = try await inputs(runner, kinds: ["render"])
    var dataset = try #require(all["dataset"]?.first?.artifact)
    var mask = Raster(width: 64, height: 64)
    mask[20, 30] = 1
    dataset.samples[1].files["mask.png"] = try runner.store(mask, .png8)
    all["dataset"] = [LabelledArtifact(instance: "split", labels: [:], artifact: dataset)]
    await #expect { _ = try await runner.run("evaluate.cross", [:], all) } throws: {
      "\($0)".contains("the mask of `face 1` holds 1 pixels")
    }
  }

  @Test func theProtocolStandsInEveryOutput() async throws {
    let runner = try StageRunner()
    let (result, _, raw) = try await evaluate(
      runner, ["protocol": ["masked": false, "crop_border": 4], "panels": false], kinds: ["render"])
    #expect(result.protocol.summary.contains("crop border 4 px"))
    #expect(result.protocol.fields.contains(ProtocolField("region", "whole picture")))
    #expect(try raw.text("summary.txt", "table").contains(result.protocol.summary))
    #expect(try raw.text("cross.csv", "table").contains("full view"))
    #expect(
      result.value("bicubic", on: "render", "l1", "mean") == result.value("bicubic", on: "render", "l1_full", "mean"))
  }

  @Test func summaryIsATableForPeople() async throws {
    let runner = try StageRunner()
    let (_, _, raw) = try await evaluate(runner, ["panels": false], kinds: ["bicubic", "render_q8"])
    let lines = try raw.text("summary.txt", "table").split(separator: "\n").map(String.init)
    #expect(lines[0] == "PSNR [dB], aggregation mse (rows: method, columns: test set)")
    #expect(lines[1].contains("bicubic") && lines[1].hasSuffix("render + 8-bit"))
    #expect(lines[2].hasPrefix("Bicubic "))
    let columns = lines[2].split(separator: " ")
    #expect(
      columns.count == 3
        && columns.dropFirst().allSatisfy { Double($0) != nil && $0.split(separator: ".")[1].count == 2 })
  }

  @Test func sameBytesForAnyNumberOfThreads() async throws {
    let runner = try StageRunner()
    let all = try await inputs(runner, kinds: ["render_q8"])
    let one = try await runner.run("evaluate.cross", [:], all, threads: 1)
    let three = try await runner.run("evaluate.cross", [:], all, threads: 3)
    #expect(one.artifacts["table"]?.digest == three.artifacts["table"]?.digest)
  }

  @Test func missingSamplesAndDoubleLabelsAreErrors() async throws {
    let runner = try StageRunner()
    var all = try await inputs(runner, kinds: ["render"])
    let tests = try #require(all["tests"])
    all["tests"] = tests + tests
    await #expect { _ = try await runner.run("evaluate.cross", [:], all) } throws: {
      "\($0)".contains("two test sets are called `render`")
    }
    var fewer = tests[0]
    fewer.artifact.samples.removeAll { $0.name == "face 1" }
    all["tests"] = [fewer]
    await #expect { _ = try await runner.run("evaluate.cross", [:], all) } throws: {
      "\($0)".contains("`face 1` is not in test set `render`")
    }
    all["tests"] = tests
    await #expect { _ = try await runner.run("evaluate.cross", ["baselines": []], all) } throws: {
      "\($0)".contains("nothing to score")
    }
  }
}
