import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

/// What the protocol object declares decides the numbers, and stands in them.
@Suite struct EvaluationProtocolTests {
  private let runner: StageRunner

  init() throws { runner = try StageRunner() }

  private func inputs(
    yaws: [Double?] = [nil, nil, nil], change: (inout Sample, Int) throws -> Void = { _, _ in }
  ) async throws -> [String: [LabelledArtifact]] {
    let samples = try yaws.enumerated().map { index, yaw in
      var sample = try runner.datasetSample(
        "face \(index)", side: "validation", SyntheticHead(shift: Double(index) * 0.1))
      if let yaw { sample.record["yaw"] = .double(yaw) }
      try change(&sample, index)
      return sample
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

  private func evaluate(
    _ parameters: JSON, _ all: [String: [LabelledArtifact]]
  ) async throws -> (result: EvaluationResult, raw: StageResult) {
    let raw = try await runner.run("evaluate", parameters, all)
    return (try EvaluationResult(decoding: Data(try raw.text("cross.json", "table").utf8), name: "cross.json"), raw)
  }

  // MARK: - Precision

  /// Declared in the protocol and printed with it; the scores differ, and by little. Tables of float32 are as before.
  @Test(arguments: ["evaluate", "evaluate.cross"]) func bfloat16IsDeclaredAndChangesLittle(_ stage: String) async throws
  {
    var all = try await inputs { sample, index in sample.record["side"] = index == 0 ? "train" : "validation" }
    let dataset = try #require(all["dataset"]?.first?.artifact)
    let pairs = try #require(all["tests"]?.first?.artifact)
    let settings: JSON = [
      "model": ["type": "edsr-light", "channels": 16, "blocks": 1], "epochs": 2, "batch": 1, "accumulate": 1,
    ]
    let trained = try await runner.run("train", settings, .of(["dataset": dataset, "lr": pairs]))
    all["models"] = [
      LabelledArtifact(instance: "net", labels: [:], artifact: try #require(trained.artifacts["model"]))
    ]
    var found: [EvaluationResult] = []
    for precision: JSON in ["float32", "bf16"] {
      let raw = try await runner.run(
        StageType(rawValue: stage), ["protocol": ["precision": precision], "panels": false, "resamples": 0], all)
      found.append(
        try EvaluationResult(decoding: Data(try raw.text("cross.json", "table").utf8), name: "cross.json"))
    }
    let plain = try await runner.run(StageType(rawValue: stage), ["panels": false, "resamples": 0], all)
    let untold = try EvaluationResult(
      decoding: Data(try plain.text("cross.json", "table").utf8), name: "cross.json")
    #expect(untold.protocol == found[0].protocol && found[0].protocol != found[1].protocol)
    #expect(!found[0].protocol.fields.contains { $0.name == "networks" })
    #expect(found[1].protocol.fields.contains(ProtocolField("networks", "bfloat16 between layers")))
    #expect(found[1].protocol.name == "masked, bf16" && found[1].protocol.summary.contains("bfloat16"))
    let scores = try found.map { result in
      try ["net", "bicubic"].map { try #require(result.value($0, on: "render_q8", "psnr", "mse")) }
    }
    #expect(try #require(untold.value("net", on: "render_q8", "psnr", "mse")) == scores[0][0])
    #expect(scores[0][1] == scores[1][1])
    #expect(scores[0][0] != scores[1][0] && abs(scores[0][0] - scores[1][0]) < 0.2)
  }

  // MARK: - Zones

  @Test func theZoneOfViewsTakesFrontalCamerasOnly() async throws {
    let all = try await inputs(yaws: [0, -15, 45])
    let (result, raw) = try await evaluate(["protocol": ["zone": ["view_yaw": 20]], "panels": false], all)
    let scored = Set(try raw.text("samples.csv", "table").split(separator: "\n").dropFirst().map { $0.prefix(6) })
    #expect(scored == ["face 0", "face 1"])
    #expect(result.protocol.name == "masked, views within 20 deg")
    await #expect { try await evaluate(["protocol": ["zone": ["view_yaw": 20]]], try await inputs()) } throws: {
      "\($0)".contains("does not record the yaw of its camera")
    }
    await #expect {
      try await evaluate(["protocol": ["zone": ["view_yaw": 5]]], try await inputs(yaws: [90]))
    } throws: {
      "\($0)".contains("no view of 1 lies within 5.0 degrees")
    }
  }

  /// The zone of the surface against the definition, pixel by pixel.
  @Test func theZoneOfTheSurfaceIsWhatItsNormalsSay() async throws {
    let all = try await inputs()
    let (result, _) = try await evaluate(["protocol": ["zone": ["surface_yaw": 20]], "panels": false], all)
    var expected: [Double] = []
    for index in 0..<3 {
      let truth = try #require(all["dataset"]?.first?.artifact.samples[index].files["depth.png"]).image().raster
      let mask = Mask(try #require(all["dataset"]?.first?.artifact.samples[index].files["mask.png"]).image().raster)
      let low = try #require(all["tests"]?.first?.artifact.samples[index].files["lr.png"]).image().raster
      let prediction = Resize.cubic(low, width: 64, height: 64)
      let normals = Normals.fromDepth(truth)
      var (sum, count) = (0.0, 0)
      for i in 0..<64 * 64 where mask.bits[i] != 0 {
        let yaw = abs(atan2(Double(normals.pixels[3 * i]), Double(normals.pixels[3 * i + 2]))) * 180 / .pi
        guard yaw <= 20 else { continue }
        sum += abs(Double(min(max(prediction.pixels[i], 0), 1)) - Double(truth.pixels[i]))
        count += 1
      }
      #expect(count > 100 && count < mask.count)
      expected.append(sum / Double(count))
    }
    let found = try #require(result.value("bicubic", on: "render_q8", "l1", "mean"))
    #expect(abs(found - expected.reduce(0, +) / 3) < 1e-6)
    #expect(result.protocol.fields.contains(ProtocolField("zone: yaw of the surface", "at most 20 deg")))
  }

  @Test func masksAreAZone() async throws {
    var all = try await inputs()
    var zone = Raster(width: 64, height: 64)
    for y in 24..<44 { for x in 24..<44 { zone[x, y] = 1 } }
    let file = try runner.store(zone, .png8)
    let masks = (0..<3).map { Sample(name: "face \($0)", files: ["mask.png": file]) }
    all["zones"] = [
      LabelledArtifact(instance: "zone", labels: [:], artifact: StageRunner.artifact("masks", samples: masks))
    ]
    let inside = try await evaluate(["panels": false], all).result
    all["dataset"]![0].artifact.samples = all["dataset"]![0].artifact.samples.map { sample in
      var sample = sample
      sample.files["mask.png"] = file
      return sample
    }
    all["zones"] = nil
    let masked = try await evaluate(["panels": false], all).result
    #expect(inside.cells.filter { $0.metric == "l1" } == masked.cells.filter { $0.metric == "l1" })
    #expect(inside.protocol.name == "masked, zone masks" && inside.protocol != masked.protocol)
    all["zones"] = [
      LabelledArtifact(
        instance: "zone", labels: [:], artifact: StageRunner.artifact("masks", samples: Array(masks.prefix(2))))
    ]
    await #expect { try await evaluate([:], all) } throws: {
      "\($0)".contains("`face 2` has no mask on the input `zones`")
    }
  }

  // MARK: - Outside the mask

  /// A method that is perfect inside the mask and writes 0.7 outside, as a network does that was trained inside it.
  @Test func whatStandsOutsideTheMaskIsDeclared() async throws {
    var all = try await inputs()
    let samples = try (all["dataset"]?.first?.artifact.samples ?? []).map { sample in
      let truth = try #require(sample.files["depth.png"]).image().raster
      let mask = Mask(try #require(sample.files["mask.png"]).image().raster)
      return Sample(
        name: sample.name, files: ["depth.png": try runner.store(truth.masked(mask, background: 0.7), .png16)])
    }
    all["predictions"] = [
      LabelledArtifact(instance: "ours", labels: [:], artifact: StageRunner.artifact("predictions", samples: samples))
    ]
    var ssim: [String: Double] = [:]
    for outside in ["keep", "truth", "background"] {
      let (result, _) = try await evaluate(["protocol": ["outside": .string(outside)], "panels": false], all)
      ssim[outside] = result.value("ours", on: "render_q8", "ssim", "mean")
      #expect((result.value("ours", on: "render_q8", "l1", "mean") ?? 1) < 1e-9)
      #expect(result.protocol.name == (outside == "keep" ? "masked" : "masked, outside \(outside)"))
    }
    #expect(try #require(ssim["keep"]) < 0.95, "\(ssim)")
    #expect(try #require(ssim["truth"]) > 0.9999 && #require(ssim["background"]) > 0.9999, "\(ssim)")
  }

  // MARK: - World units

  @Test func worldUnitsComeFromTheSamples() async throws {
    let all = try await inputs { sample, _ in
      sample.record["near"] = 2.0
      sample.record["far"] = 4.0
      sample.record["depth_top"] = 0.9
      sample.record["depth_low"] = 0.4
    }
    let mesh: JSON = ["kind": "world", "thresholds": [0.02]]
    let own = try await evaluate(["protocol": ["mesh": mesh], "headline": ["fscore_0.02 mean"], "panels": false], all)
    // Depth 1 was 0.9 of the render: 4 - 0.9 * 2; depth 0 was 0.4: 4 - 0.4 * 2.
    let declared: JSON = ["kind": "world", "thresholds": [0.02], "near": 2.2, "far": 3.2]
    let same = try await evaluate(
      ["protocol": ["mesh": declared], "headline": ["fscore_0.02 mean"], "panels": false], all)
    for metric in ["chamfer_l1", "hausdorff", "fscore_0.02"] {
      let a = try #require(own.result.value("bicubic", on: "render_q8", metric, "mean"))
      let b = try #require(same.result.value("bicubic", on: "render_q8", metric, "mean"))
      #expect(abs(a - b) < 1e-9 && a > 0, "\(metric)")
    }
    #expect(own.result.protocol != same.result.protocol)
    await #expect {
      try await evaluate(["protocol": ["mesh": mesh], "headline": ["l1 mean"]], try await inputs())
    } throws: { "\($0)".contains("does not record the camera distances") }
  }

  // MARK: - Seeds and tests

  @Test func seedsAreAggregatedAndTested() async throws {
    var all = try await inputs(yaws: [nil, nil, nil, nil])
    let training = try (0..<3).map {
      try runner.datasetSample("face \($0)", side: $0 == 2 ? "validation" : "train", SyntheticHead(shift: 0.2))
    }
    let dataset = StageRunner.artifact("dataset", samples: training)
    let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
    for seed in [1, 2, 3] {
      let model = try await runner.run(
        "train", TrainTests.settings, .of(["dataset": dataset, "lr": try #require(pairs.artifacts["pairs"])]),
        seed: UInt64(seed))
      all["models", default: []].append(
        LabelledArtifact(
          instance: "train@render_q8,\(seed)", labels: ["kind": "render_q8", "seed": .int(seed)],
          artifact: try #require(model.artifacts["model"])))
    }
    let (result, raw) = try await evaluate(["panels": false, "headline": ["l1 mean"]], all)
    let group = try #require(result.seedGroups?.first)
    #expect(result.seedGroups?.count == 1 && group.id == "train@render_q8" && group.seeds == [1, 2, 3])
    #expect(group.name == "render + 8-bit")
    let values = (1...3).compactMap { result.value("train@render_q8,\($0)", on: "render_q8", "l1", "mean") }
    #expect(Set(values).count == 3, "seeds give different networks")
    let cell = try #require(result.seedCells?.first { $0.metric == "l1" && $0.aggregation == "mean" })
    #expect(abs(cell.value - values.reduce(0, +) / 3) < 1e-12)
    #expect(abs(try #require(cell.deviation) - Statistics.standardDeviation(values)) < 1e-12)
    // One comparison a metric: the group, not its seeds.
    let compared = try #require(result.comparisons?.filter { $0.metric == "l1" })
    #expect(compared.map(\.method) == ["train@render_q8"] && compared[0].pairs == 4)
    let base = try #require(result.value("bicubic", on: "render_q8", "l1", "mean"))
    #expect(abs(compared[0].difference - (cell.value - base)) < 1e-9)
    #expect(try #require(compared[0].low) <= compared[0].difference)
    #expect(try #require(compared[0].high) >= compared[0].difference)
    // Four of four in one direction: 2 / 2^4, the least that four samples can give.
    #expect(compared[0].p == 0.125)
    #expect(try raw.text("seeds.csv", "table").contains("train@render_q8,render + 8-bit,render_q8,l1,mean,1 2 3,"))
    #expect(try raw.text("summary.txt", "table").contains("render + 8-bit (3 seeds)"))
    #expect(try raw.text("cross.csv", "table").contains(",train@render_q8,2,masked,"))
  }
}
