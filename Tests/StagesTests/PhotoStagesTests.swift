import Basics
import Foundation
import Imaging
import NN
import Pipeline
import Stages
import Testing

/// Photos: split, degraded, trained on and scored like depth.
@Suite struct PhotoStagesTests {
  private func photos(_ runner: StageRunner, count: Int = 8, width: Int = 34, height: Int = 33) throws -> Artifact {
    StageRunner.artifact(
      "photos",
      samples: try (0..<count).map { index in
        var random = SeededRandom(seed: 4, stream: "\(index)")
        let (a, b) = (random.uniform(0.1, 0.5), random.uniform(0.1, 0.5))
        var photo = Raster(width: width, height: height, channels: 3)
        for y in 0..<height {
          for x in 0..<width {
            for c in 0..<3 { photo[x, y, c] = Float(0.5 + 0.4 * sin(a * Double(x) + b * Double(y) + Double(c))) }
          }
        }
        return Sample(name: "photo \(index)", files: ["photo.png": try runner.store(photo, .png8)])
      })
  }

  private func dataset(_ runner: StageRunner) async throws -> Artifact {
    let result = try await runner.run("photos.split", ["validation": 0.4], .of(["photos": try photos(runner)]))
    return try #require(result.artifacts["dataset"])
  }

  @Test func splitCutsToTheScaleAndDrawsAsDatasetSplitDoes() async throws {
    let runner = try StageRunner()
    let dataset = try await dataset(runner)
    #expect(dataset.samples.count == 8)
    for sample in dataset.samples {
      let image = try #require(sample.files["photo.png"]).image().raster
      #expect(image.width == 32 && image.height == 32 && image.channels == 3)
    }
    let maps = StageRunner.artifact("maps", samples: try (0..<8).map { try runner.cleanMaps("photo \($0)") })
    let split = try await runner.run("dataset.split", ["validation": 0.4], .of(["maps": maps]))
    for sample in dataset.samples {
      #expect(sample.record["side"] == split.sample(sample.name, "dataset")?.record["side"])
    }
  }

  @Test func degradationsAreSeededBySampleAndSayWhatTheyAreOf() async throws {
    let runner = try StageRunner()
    let dataset = try await dataset(runner)
    let one = try await runner.run("photos.degrade", [:], .of(["dataset": dataset]))
    let other = try await runner.run("photos.degrade", ["seed": 43], .of(["dataset": dataset]))
    let half = StageRunner.artifact("dataset", samples: Array(dataset.samples.suffix(3)))
    let alone = try await runner.run("photos.degrade", [:], .of(["dataset": half]))
    for sample in half.samples {
      let pair = try #require(one.sample(sample.name, "pairs"))
      #expect(pair.record["of"] == "photo.png" && pair.record["scale"] == 4)
      let image = try #require(pair.files["lr.png"]).image()
      #expect(image.raster.width == 8 && image.raster.channels == 3 && image.bitDepth == 8)
      #expect(pair.files["lr.png"]?.digest == alone.sample(sample.name, "pairs")?.files["lr.png"]?.digest)
      #expect(pair.files["lr.png"]?.digest != other.sample(sample.name, "pairs")?.files["lr.png"]?.digest)
    }
  }

  @Test func rangesThatMakeNoSenseAreRefused() async throws {
    let runner = try StageRunner()
    let dataset = try await dataset(runner)
    for (settings, word): (JSON, String) in [
      (["first": ["blur_sigma": [3, 1]]], "the smaller first"), (["second": ["jpeg": [0, 90]]], "1.0...100.0"),
      (["first": ["grow_chance": 0.7, "shrink_chance": 0.7]], "more than 1 together"),
    ] {
      let error = await #expect(throws: ParameterProblems.self) {
        try await runner.run("photos.degrade", settings, .of(["dataset": dataset]))
      }
      #expect(error?.diagnostics.first?.message.contains(word) == true, "\(String(describing: error))")
    }
  }

  @Test func aNetworkLearnsPhotosAndIsScoredOnThem() async throws {
    let runner = try StageRunner()
    let dataset = try await dataset(runner)
    let pairs = try #require(
      try await runner.run("photos.degrade", ["kind": "bicubic_antialiased"], .of(["dataset": dataset]))
        .artifacts["pairs"])
    let settings: JSON = [
      "model": ["type": "msrresnet", "channels": 4, "blocks": 1, "input_channels": 3, "output_channels": 3],
      "epochs": 2, "batch": 2, "accumulate": 1, "turns": true, "flips": true, "brightness": [0.7, 1.3],
      "contrast": [0.7, 1.3], "loss": ["l1": 1, "gradient": 0], "best": "psnr", "ema": 0.5, "patch": 6,
    ]
    let trained = try await runner.run("train", settings, .of(["dataset": dataset, "lr": pairs]))
    let model = try #require(trained.artifacts["model"])
    #expect(model.files["weights.safetensors"] != nil)
    var all = [String: [LabelledArtifact]].of(["dataset": dataset, "models": model])
    all["tests"] = [LabelledArtifact(instance: "lr@plain", labels: ["kind": "plain"], artifact: pairs)]
    all["models"] = [LabelledArtifact(instance: "train@plain", labels: ["kind": "plain"], artifact: model)]
    let scored = try await runner.run("evaluate", ["protocol": ["masked": false], "resamples": 0], all)
    let result = try EvaluationResult(
      decoding: Data(try scored.text("cross.json", "table").utf8), name: "cross.json")
    let bicubic = try #require(result.value("bicubic", on: "plain", "psnr", "mean"))
    let network = try #require(result.value("train@plain", on: "plain", "psnr", "mean"))
    #expect(bicubic > 15 && network > 5, "\(bicubic), \(network)")
    #expect(!result.panels.isEmpty && result.panels.allSatisfy { $0.images["relief_truth"] == nil })
    // Figures of depth make no sense here, and neither does a network for depth.
    let error = await #expect(throws: StageFailure.self) {
      try await runner.run("evaluate", ["protocol": ["masked": false, "detailed": true]], all)
    }
    #expect(error?.message.contains("is a photo") == true)
    let wrong = await #expect(throws: StageFailure.self) {
      try await runner.run(
        "train", ["model": ["type": "edsr-light", "channels": 4, "blocks": 1]], .of(["dataset": dataset, "lr": pairs]))
    }
    #expect(wrong?.message.contains("takes 1 channels, but the pairs are photos") == true)
  }
}
