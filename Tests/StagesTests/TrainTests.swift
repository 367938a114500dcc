import Basics
import Foundation
import NN
import Pipeline
import Stages
import Testing

@Suite struct TrainTests {
  static let settings: JSON = [
    "model": ["type": "depth-upres-unet", "base_channels": 4], "epochs": 2, "batch": 1, "accumulate": 2,
    "learning_rate": 0.001, "patch": 8,
  ]

  /// Three heads that train, one that validates, degraded.
  private func inputs(_ runner: StageRunner, normals: Bool = false) async throws -> [String: [LabelledArtifact]] {
    let samples = try (0..<4).map { index in
      try runner.datasetSample(
        "face \(index)", side: index == 3 ? "validation" : "train", SyntheticHead(shift: Double(index) * 0.1))
    }
    let dataset = StageRunner.artifact("dataset", samples: samples)
    let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
    return .of(["dataset": dataset, "lr": try #require(pairs.artifacts["pairs"])])
  }

  @Test func writesAModelThatLoadsAndALog() async throws {
    let runner = try StageRunner()
    let result = try await runner.run("train", Self.settings, try await inputs(runner), threads: 2)
    let description = try JSON(parsing: try result.text("model.json", "model"))
    #expect(description["model"]?["base_channels"] == 4)
    #expect(description["scale"] == 4)
    let weights = try #require(result.artifacts["model"]?.files["weights.safetensors"])
    let model = try TrainedModel.load(description: description, weights: weights.url)
    let output = try model.predict([Float](repeating: 0.5, count: 64), height: 8, width: 8)
    #expect(output.height == 32 && output.image.allSatisfy { $0 >= 0 && $0 <= 1 })
    let lines = try result.text("history.csv", "log").split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0] == "epoch,learning_rate,train_loss,val_l1,best,loss_gradient,loss_l1,val_psnr")
    #expect(result.artifacts["log"]?.files["events.out.tfevents.0.pipeline"] != nil)
  }

  /// Asked to stop it saves a checkpoint; called again it ends with the same bytes as a run that was left alone.
  @Test func resumesAfterBeingStopped() async throws {
    let whole = try StageRunner()
    let expected = try await whole.run("train", Self.settings, try await inputs(whole))
    let runner = try StageRunner()
    let all = try await inputs(runner)
    runner.services.stop()
    await #expect(throws: CancellationError.self) { try await runner.run("train", Self.settings, all) }
    #expect(runner.services.scratchFiles("checkpoint.safetensors").count == 1)
    runner.services.resume()
    let found = try await runner.run("train", Self.settings, all, threads: 2)
    for (port, artifact) in expected.artifacts {
      #expect(found.artifacts[port]?.files.mapValues(\.digest) == artifact.files.mapValues(\.digest), "\(port)")
    }
    #expect(runner.services.lines.contains { $0.hasPrefix("resumed after epoch 0, step 1") })
  }

  /// The checkpoint says what it was made with; another instruction set goes on from it, tells people, and the result names both.
  @Test func goingOnUnderOtherInstructionsIsToldAndRecorded() async throws {
    func options(_ set: ComputeOptions.Instructions) -> ComputeOptions { ComputeOptions(instructions: set) }
    func run<Result>(_ set: ComputeOptions.Instructions, _ body: () async throws -> Result) async rethrows -> Result {
      try await NN.using(options(set), body)
    }
    let plain = HardwareClass(rawValue: options(.plain).hardwareClass)
    #expect(plain.rawValue.hasPrefix("cpu plain with OpenBLAS "))
    let runner = try StageRunner()
    let all = try await inputs(runner)
    func stopped() async throws {
      runner.services.stop()
      await #expect(throws: CancellationError.self) {
        try await run(.plain) { try await runner.run("train", Self.settings, all) }
      }
      runner.services.resume()
    }
    try await stopped()
    let same = try await run(.plain) { try await runner.run("train", Self.settings, all) }
    #expect(same.hardware == [plain])
    #expect(!runner.services.lines.contains { $0.contains("other hardware") })
    guard ComputeOptions.Instructions.best > .plain else { return }  // a processor without other instructions
    let best = HardwareClass(rawValue: options(.best).hardwareClass)
    #expect(best != plain)
    try await stopped()
    let mixed = try await run(.best) { try await runner.run("train", Self.settings, all) }
    #expect(mixed.hardware == [plain, best])
    #expect(runner.services.lines.contains { $0.contains("made on other hardware: \(plain), then \(best)") })
  }

  /// Other weights than float32 gives, the same for any number of threads, and a training that learns as much.
  @Test func trainsInBfloat16() async throws {
    guard case .object(let fields) = Self.settings else { return }
    func train(_ precision: JSON, threads: Int) async throws -> (weights: Digest?, loss: Double) {
      let runner = try StageRunner()
      var settings = fields
      settings["precision"] = precision
      let result = try await runner.run("train", .object(settings), try await inputs(runner), threads: threads)
      let last = try result.text("history.csv", "log").split(separator: "\n").last
      let loss = try #require(last?.split(separator: ",").dropFirst(2).first.flatMap { Double($0) })
      return (result.artifacts["model"]?.files["weights.safetensors"]?.digest, loss)
    }
    let (single, half) = (try await train("float32", threads: 2), try await train("bf16", threads: 2))
    #expect(half.weights != single.weights)
    #expect(abs(half.loss - single.loss) < 0.02 * single.loss)
    #expect(try await train("bf16", threads: 1).weights == half.weights)
  }

  @Test func missingNormalsAreNamed() async throws {
    let runner = try StageRunner()
    guard case .object(var settings) = Self.settings else { return }
    settings["loss"] = ["normals": ["weight": 0.05, "source": "dsine"]]
    let all = try await inputs(runner)
    let error = await #expect(throws: StageFailure.self) { try await runner.run("train", .object(settings), all) }
    #expect(error?.message.contains("`normal_dsine.png`") == true)
  }

  @Test func parametersThatMakeNoNetworkAreRefused() async throws {
    let runner = try StageRunner()
    let all = try await inputs(runner)
    let error = await #expect(throws: ParameterProblems.self) {
      try await runner.run("train", ["model": ["type": "depth-upres-unet", "base_chanels": 4]], all)
    }
    #expect(error?.diagnostics.first?.message.contains("base_chanels") == true)
  }
}
