import Basics
import Foundation
import NN
import Pipeline
import Stages
import Testing

@Suite struct WeightsImportTests {
  private let model: JSON = ["type": "edsr-light", "channels": 4, "blocks": 1]

  /// Weights of a fresh network, with names that a caller may change, in a file.
  private func weights(_ runner: StageRunner, rename: (String) -> String = { $0 }) throws -> (
    URL, [String: StoredTensor]
  ) {
    let state = try ModelCatalogue.make(model, seed: 9).stateDictionary()
    let url = try runner.temporaryFolder().appending(path: "weights.safetensors")
    try Safetensors.data(
      Dictionary(uniqueKeysWithValues: state.map { (rename($0.key), $0.value) })
    ).write(to: url)
    return (url, state)
  }

  @Test func importedWeightsAreTheFiles() async throws {
    let runner = try StageRunner()
    for rename: (String) -> String in [{ $0 }, { "module." + $0 }, { "params_ema/" + $0 }] {
      let (url, state) = try weights(runner, rename: rename)
      let result = try await runner.run("weights.import", ["file": .string(url.path), "model": model], [:])
      let stored = try #require(result.artifacts["model"]?.files["weights.safetensors"])
      #expect(try Safetensors.read(stored.url).tensors == state)
      let description = try JSON(parsing: try result.text("model.json", "model"))
      #expect(description["model"] == model && description["source"] == "weights.safetensors")
      let count = try ModelCatalogue.make(model).parameterCount
      #expect(description["parameters"]?.intValue == count)
    }
  }

  @Test func whatDoesNotFitIsNamed() async throws {
    let runner = try StageRunner()
    let (url, _) = try weights(runner)
    let wider: JSON = ["type": "edsr-light", "channels": 8, "blocks": 1]
    let error = await #expect(throws: StageFailure.self) {
      try await runner.run("weights.import", ["file": .string(url.path), "model": wider], [:])
    }
    #expect(error?.message.contains("head.weight") == true, "\(String(describing: error))")
    #expect(error?.help?.contains("options of `model`") == true)
    let place = await #expect(throws: StageFailure.self) {
      try await runner.run("weights.import", ["file": .string(url.path), "model": model, "state": "ema"], [:])
    }
    #expect(place?.message.contains("no tensors under `ema`") == true)
    let (extra, _) = try weights(runner) { $0 == "tail.bias" ? "critic.bias" : $0 }
    let missing = await #expect(throws: StageFailure.self) {
      try await runner.run("weights.import", ["file": .string(extra.path), "model": model, "ignore": ["critic."]], [:])
    }
    #expect(missing?.message.contains("tail.bias") == true && missing?.message.contains("critic") == false)
  }

  @Test func aFileThatIsNoneOfBothIsRefused() async throws {
    let runner = try StageRunner()
    let url = try runner.temporaryFolder().appending(path: "weights.pth")
    try Data("not weights at all".utf8).write(to: url)
    let error = await #expect(throws: StageFailure.self) {
      try await runner.run("weights.import", ["file": .string(url.path), "model": model], [:])
    }
    #expect(error?.message.contains("weights.pth") == true, "\(String(describing: error))")
  }

  static let published = SharedData.root.appending(path: "parity/pretrained/dornet_t_NYU_T_X4.pth")
  static let isThere =
    FileManager.default.fileExists(atPath: published.path)
    && FileManager.default.fileExists(atPath: SharedData.folder("middlebury").path)

  /// DORNet-T with its published weights, never trained on these pairs, beats bicubic interpolation on them by far.
  @Test(.enabled(if: isThere, "the published weights and the Middlebury pairs are not in SHARED_DIR"))
  func publishedWeightsAreScoredLikeAnyModel() async throws {
    let runner = try StageRunner()
    let imported = try await runner.run(
      "weights.import",
      [
        "file": .string(Self.published.path),
        "model": ["type": "dornet", "channels": 24, "reduction": 4, "scale": 4],
      ], [:])
    let collected = try await runner.run(
      "pairs.collect", ["folder": .string(SharedData.folder("middlebury").path)], [:])
    // Two of the twelve, for time.
    let dataset = StageRunner.artifact("dataset", samples: Array(collected.samples("dataset").prefix(2)))
    let pairs = try await runner.run(
      "depth.degrade", ["kind": "bicubic_antialiased", "crop": true], .of(["dataset": dataset]))
    var all = [String: [LabelledArtifact]].of(["dataset": dataset])
    all["models"] = [
      LabelledArtifact(instance: "dornet", labels: [:], artifact: try #require(imported.artifacts["model"]))
    ]
    all["tests"] = [
      LabelledArtifact(instance: "lr@x4", labels: ["kind": "x4"], artifact: try #require(pairs.artifacts["pairs"]))
    ]
    let scored = try await runner.run(
      "evaluate",
      [
        "protocol": ["masked": false, "clamp": false, "units_per_range": 255],
        "interpolations": ["bicubic_antialiased"], "baseline": "bicubic_antialiased", "headline": ["rmse mean"],
        "panels": false, "resamples": 0,
      ], all, threads: 2)
    let result = try EvaluationResult(decoding: Data(try scored.text("cross.json", "table").utf8), name: "cross.json")
    let bicubic = try #require(result.value("bicubic_antialiased", on: "x4", "rmse", "mean"))
    let network = try #require(result.value("dornet", on: "x4", "rmse", "mean"))
    #expect(network < 0.8 * bicubic, "DORNet-T \(network), bicubic \(bicubic), in 8-bit units")
  }
}
