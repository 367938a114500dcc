import Basics
import Foundation
import Imaging
import NN
import Pipeline
import Stages
import Testing

/// Networks that see a photo or relative depth beside the low-resolution map, from dataset to table.
@Suite struct GuidedTests {
  /// Heads with photos and, by name, relative depth: a bent scale of the true one.
  private func inputs(_ runner: StageRunner, relative: Bool = true, size: Int = 32) async throws -> (
    dataset: Artifact, pairs: Artifact
  ) {
    let samples = try (0..<4).map { index in
      var sample = try runner.datasetSample(
        "face \(index)", side: index == 3 ? "validation" : "train",
        SyntheticHead(size: size, shift: Double(index) * 0.1))
      let maps = SyntheticHead(size: size, shift: Double(index) * 0.1).maps
      sample.files["photo.png"] = try runner.store(maps.photo, .png8)
      if relative { sample.files["relative.png"] = try runner.store(maps.depth.mapped { $0 * $0 }, .png16) }
      return sample
    }
    let dataset = StageRunner.artifact("dataset", samples: samples)
    let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
    return (dataset, try #require(pairs.artifacts["pairs"]))
  }

  static let models: [JSON] = [
    ["type": "sgnet", "channels": 16], ["type": "dornet", "channels": 8, "reduction": 4],
    [
      "type": "relative-depth-fusion", "channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1],
      "middle_blocks": 1,
    ],
  ]

  @Test(arguments: models) func trainAndEvaluateWithTheGuide(_ model: JSON) async throws {
    let runner = try StageRunner()
    let (dataset, pairs) = try await inputs(runner)
    let settings: JSON = [
      "model": model, "epochs": 1, "batch": 2, "accumulate": 1, "flips": true, "turns": true,
      "loss": ["l1": 1, "gradient": 0, "sobel": 1], "learning_rate": 0.001,
    ]
    let trained = try await runner.run("train", settings, .of(["dataset": dataset, "lr": pairs]))
    let model = try #require(trained.artifacts["model"])
    let scores = try await score(runner, model, dataset, pairs)
    #expect(scores.network.isFinite && scores.bicubic > 15)
    // The guide is really looked at: another one, another score.
    var blind = dataset
    for index in blind.samples.indices {
      for role in ["photo.png", "relative.png"] {
        let size = try #require(blind.samples[index].files[role]).image().raster
        blind.samples[index].files[role] = try runner.store(
          Raster(width: size.width, height: size.height, channels: size.channels, repeating: 0.2), .png8)
      }
    }
    let other = try await score(runner, model, blind, pairs)
    #expect(other.network != scores.network && other.bicubic == scores.bicubic)
  }

  /// DORNet with its training-only branch: declared in the file, seen in the history.
  @Test func dornetTrainsWithItsDegradation() async throws {
    let runner = try StageRunner()
    let (dataset, pairs) = try await inputs(runner)
    func settings(_ model: JSON) -> JSON {
      [
        "model": model, "epochs": 2, "batch": 2, "accumulate": 1, "learning_rate": 0.001,
        "loss": ["l1": 1, "gradient": 0, "redegradation": 0.1, "gate_balance": 0.02],
      ]
    }
    let trained = try await runner.run("train", settings(Self.models[1]), .of(["dataset": dataset, "lr": pairs]))
    let history = try trained.text("history.csv", "log")
    #expect(history.contains("loss_redegradation") && history.contains("loss_gate_balance"))
    await #expect {
      _ = try await runner.run("train", settings(Self.models[0]), .of(["dataset": dataset, "lr": pairs]))
    } throws: {
      "\($0)".contains("the loss `redegradation` needs a network that gives `redegradation`: dornet, not `sgnet`")
    }
  }

  private func score(_ runner: StageRunner, _ model: Artifact, _ dataset: Artifact, _ pairs: Artifact) async throws -> (
    network: Double, bicubic: Double
  ) {
    var all = [String: [LabelledArtifact]].of(["dataset": dataset])
    all["tests"] = [LabelledArtifact(instance: "lr@render_q8", labels: ["kind": "render_q8"], artifact: pairs)]
    all["models"] = [LabelledArtifact(instance: "net", labels: [:], artifact: model)]
    let cross = try await runner.run(
      "evaluate.cross", ["panels": false, "resamples": 0, "protocol": ["clamp": false]], all)
    let result = try EvaluationResult(decoding: Data(try cross.text("cross.json", "table").utf8), name: "cross.json")
    return (
      try #require(result.value("net", on: "render_q8", "psnr", "mse")),
      try #require(result.value("bicubic", on: "render_q8", "psnr", "mse"))
    )
  }

  @Test func aMissingGuideIsNamedWithWhereItComesFrom() async throws {
    let runner = try StageRunner()
    let (dataset, pairs) = try await inputs(runner, relative: false)
    let error = await #expect(throws: StageFailure.self) {
      try await runner.run("train", ["model": Self.models[2]], .of(["dataset": dataset, "lr": pairs]))
    }
    #expect(error?.message.contains("`relative.png`") == true)
    #expect(error?.help?.contains("relative.import") == true)
  }

  @Test func aGuideForANetworkWithoutOneIsRefused() async throws {
    let runner = try StageRunner()
    let (dataset, pairs) = try await inputs(runner)
    let error = await #expect(throws: ParameterProblems.self) {
      try await runner.run(
        "train", ["model": ["type": "srcnn"], "guide": "photo"], .of(["dataset": dataset, "lr": pairs]))
    }
    #expect(error?.diagnostics.first?.message.contains("takes no guide") == true)
  }

  @Test func aScaleThatDoesNotFitIsRefusedBeforeTraining() async throws {
    let runner = try StageRunner()
    let (dataset, pairs) = try await inputs(runner)
    let error = await #expect(throws: StageFailure.self) {
      try await runner.run("train", ["model": ["type": "dsdmsr"]], .of(["dataset": dataset, "lr": pairs]))
    }
    #expect(error?.message.contains("enlarges 8 times, but the pairs were made with scale 4") == true)
  }

  @Test func groupsThatMatchNothingAreRefused() async throws {
    let runner = try StageRunner()
    let (dataset, pairs) = try await inputs(runner)
    let settings: JSON = [
      "model": Self.models[2], "groups": [["match": ["relativ_encoder."], "learning_rate": 2e-6]],
    ]
    let error = await #expect(throws: ParameterProblems.self) {
      try await runner.run("train", settings, .of(["dataset": dataset, "lr": pairs]))
    }
    #expect(error?.diagnostics.first?.message.contains("relative_encoder") == true)
  }

  // MARK: - relative.import

  private func imported(_ runner: StageRunner, _ settings: JSON = [:], of map: (Raster) -> Raster) async throws
    -> StageResult
  {
    let maps = StageRunner.artifact("maps", samples: try (0..<2).map { try runner.cleanMaps("face \($0)") })
    let folder = try runner.temporaryFolder()
    try FileManager.default.createDirectory(
      at: folder.appending(path: "relative_depth"), withIntermediateDirectories: true)
    for sample in maps.samples {
      let depth = try #require(sample.files["depth.png"]).image().raster
      try ImageFile.encode(map(depth), as: .png16).write(
        to: folder.appending(path: "relative_depth/\(sample.name).png"))
    }
    return try await runner.run(
      "relative.import", settings, .of(["maps": maps, "folder": try runner.folderArtifact(folder)]))
  }

  @Test func relativeDepthIsScaledAndResized() async throws {
    let runner = try StageRunner()
    let result = try await imported(runner) { Resize.area($0, width: 32, height: 32).mapped { 0.2 + $0 / 2 } }
    let relative = try #require(result.sample("face 0", "relative")?.files["relative.png"]).image()
    #expect(relative.raster.width == 64 && relative.raster.height == 64 && relative.bitDepth == 16)
    #expect(relative.raster.pixels.min() == 0 && relative.raster.pixels.max() == 1)
    let maps = StageRunner.artifact("maps", samples: try (0..<2).map { try runner.cleanMaps("face \($0)") })
    let split = try await runner.run(
      "dataset.split", ["training_names": ["face 0"], "validation_names": ["face 1"]],
      .of(["maps": maps, "relative": try #require(result.artifacts["relative"])]))
    #expect(split.sample("face 0", "dataset")?.files["relative.png"] != nil)
  }

  @Test func theWrongDirectionIsRefusedWithTheRemedy() async throws {
    let runner = try StageRunner()
    let error = await #expect(throws: StageFailure.self) {
      try await imported(runner) { $0.mapped { 1 - $0 } }
    }
    #expect(error?.help?.contains("invert: true") == true)
    let runner2 = try StageRunner()
    let turned = try await imported(runner2, ["invert": true]) { $0.mapped { 1 - $0 } }
    #expect(turned.rejected.isEmpty && turned.samples("relative").count == 2)
  }
}
