import Basics
import Foundation
import Imaging
import NN
import Pipeline
import Stages
import Testing

/// A stage's version is part of every key. These digests change when a stage's output does: then its version must rise, and
/// the new digest is written under the new version. Every row of the catalogue has one: a stage without fails.
///
/// The weights of a training depend on the instructions of the processor; the digest here is that of the plain ones, which
/// every processor has.
@Suite struct GoldenDigestTests {
  /// `<type> v<version>`: digest of all outputs for the fixed input below.
  static let golden: [String: String] = [
    "images.collect v3": "b1ce90ec6a55",
    "facelift.ingest v2": "e3f866af5562",
    "maps.normalize v3": "c251aa9b1ec6",
    "normals.import v1": "6dd741b50c2a",
    "masks.build v1": "a59b9af956a5",
    "dataset.split v1": "0758c26b8666",
    "depth.degrade v1": "028ae8ed4db6",
    "photos.split v1": "55f1d98e501c",
    "photos.degrade v1": "7ab7e78f07a4",
    "relative.import v1": "7af5d937c732",
    "command v1": "1e7f2b787d4c",
    "heads.synthesize v3": "efc14ea00bee",
    "splats.render v2": "9f98fcb4bed8",
    "splats.consistency v1": "8fb227bce853",
    "splats.degrade v1": "c9d696de5eb2",
    "evaluate.cross v3": "aa4964915bd6",
    "evaluate v3": "0a178a4827b2",
    "predictions.import v1": "70fa6aa968ca",
    "renders.align v1": "b8c8ac466160",
    "pairs.collect v1": "5d59b7750e5b",
    "train v4": "a319fefde43a",
    "weights.import v2": "2af8de8ba6fa",
    "report v6": "1d84785c39f8",
  ]

  private func fixedInput(_ type: StageType, _ runner: StageRunner) async throws -> (JSON, [String: [LabelledArtifact]])
  {
    let heads = try (0..<3).map {
      try runner.render("face \($0)", SyntheticHead(hole: (30, 36, 6), speck: (5, 5, 2), shift: Double($0) * 0.08))
    }
    let renders = StageRunner.artifact("renders", samples: heads)
    let maps = StageRunner.artifact("maps", samples: try (0..<3).map { try runner.cleanMaps("face \($0)") })
    let sides = ["train", "validation", "validation"]
    let dataset = StageRunner.artifact(
      "dataset",
      samples: try (0..<3).map {
        try runner.datasetSample("face \($0)", side: sides[$0], SyntheticHead(shift: Double($0) * 0.08))
      })
    let photos = StageRunner.artifact(
      "photos", samples: heads.map { Sample(name: $0.name, files: ["photo.png": $0.files["photo.png"]!]) })
    func folder(_ subfolder: String, _ role: String) -> [String: StoredFile] {
      Dictionary(uniqueKeysWithValues: heads.map { ("\(subfolder)/\($0.name).png", $0.files[role]!) })
    }
    var layout: [String: StoredFile] = [:]
    for (subfolder, role) in [
      ("cropped_faces", "photo.png"), ("depth_maps", "depth.png"), ("rgb_rendered", "rgb.png"),
      ("normal_maps", "normal.png"), ("opacity_maps", "opacity.png"), ("normal_dsine", "normal.png"),
    ] {
      layout.merge(folder(subfolder, role)) { first, _ in first }
    }
    let files = StageRunner.artifact("folder", files: layout)
    switch type {
    case "images.collect": return (["size": 48, "min_side": 16], .of(["folder": files]))
    case "facelift.ingest": return ([:], .of(["photos": photos, "folder": files]))
    case "maps.normalize": return ([:], .of(["renders": renders]))
    case "normals.import": return (["check": false], .of(["maps": maps, "folder": files]))
    case "masks.build": return ([:], .of(["maps": maps]))
    case "dataset.split": return (["training_names": ["face 0"], "validation_names": ["face 1"]], .of(["maps": maps]))
    case "depth.degrade": return (["kind": "bicubic_noise"], .of(["dataset": dataset]))
    case "photos.split":
      return (
        ["training_names": ["face 0"], "validation_names": ["face 1"], "multiple": 6], .of(["photos": photos])
      )
    case "photos.degrade": return ([:], .of(["dataset": photos]))
    case "relative.import":
      // The depth of the heads as seen by another network.
      let seen = Dictionary(
        uniqueKeysWithValues: heads.map { ("relative_depth/\($0.name).png", $0.files["depth.png"]!) })
      return ([:], .of(["maps": maps, "folder": StageRunner.artifact("folder", files: seen)]))
    case "command":
      return (["argv": ["sh", "-c", "cp -r {input:dataset}/* {output:out}/"]], .of(["dataset": dataset]))
    case "evaluate.cross":
      let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
      return (["resamples": 100], .of(["dataset": dataset, "tests": pairs.artifacts["pairs"]!]))
    case "evaluate":
      let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
      return (
        [
          "resamples": 100, "interpolations": ["nearest", "bicubic"], "baseline": "nearest",
          "protocol": ["detailed": true, "outside": "truth", "zone": ["surface_yaw": 40], "mesh": ["kind": "a"]],
        ], .of(["dataset": dataset, "tests": pairs.artifacts["pairs"]!])
      )
    case "predictions.import":
      return (
        ["method": "Ours", "folder": .string(try written(heads, "depth.png", below: "", runner))],
        .of(["dataset": dataset])
      )
    case "pairs.collect":
      let folder = try runner.temporaryFolder()
      for (subfolder, role) in [("depth", "depth.png"), ("rgb", "rgb.png")] {
        _ = try written(heads, role, below: subfolder, runner, in: folder)
      }
      return (["folder": .string(folder.path), "zero_is_unknown": true], [:])
    case "renders.align":
      let samples = try await RendersAlignTests.samples(runner, count: 2).map(\.sample)
      return (["refine": "head"], .of(["renders": StageRunner.artifact("renders", samples: samples)]))
    case "heads.synthesize": return (["count": 2, "size": 64, "gaussians": 2000, "seed": 3], [:])
    case "splats.render": return (["view": ["size": 64, "yaw": 10]], .of(["splats": try await splats(runner)]))
    case "splats.consistency":
      return (["size": 128, "erosion": 1, "min_rate": 0.1], .of(["splats": try await splats(runner)]))
    case "splats.degrade":
      let splats = try await splats(runner)
      let views = try await runner.run("splats.render", ["view": ["size": 64]], .of(["splats": splats]))
      let clean = try await runner.run("maps.normalize", [:], .of(["renders": views.artifacts["renders"]!]))
      return ([:], .of(["dataset": clean.artifacts["maps"]!, "splats": splats]))
    case "train":
      let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
      // A digest that says which instructions ran needs a network without matrix products, which BLAS chooses for itself.
      return (
        [
          "model": ["type": "edsr-light", "channels": 8, "blocks": 1], "epochs": 2, "batch": 1, "patch": 8,
          "learning_rate": 0.001,
        ], .of(["dataset": dataset, "lr": pairs.artifacts["pairs"]!])
      )
    case "weights.import":
      // Weights by a rule: row-major counts, as other programs would write them.
      let model: JSON = ["type": "edsr-light", "channels": 4, "blocks": 1]
      let state = try ModelCatalogue.make(model).stateDictionary().mapValues { tensor in
        StoredTensor((0..<tensor.count).map { Float($0 % 17) / 16 - 0.5 }, shape: tensor.shape)
      }
      let file = try runner.temporaryFolder().appending(path: "weights.safetensors")
      try Safetensors.write(
        Dictionary(uniqueKeysWithValues: state.map { ("module.\($0.key)", $0.value) }), to: file)
      return (["file": .string(file.path), "model": model], [:])
    case "report":
      let pairs = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
      let table = try await runner.run(
        "evaluate", ["resamples": 100, "interpolations": ["nearest", "bicubic"], "baseline": "nearest"],
        .of(["dataset": dataset, "tests": pairs.artifacts["pairs"]!]))
      return (
        [:], ["tables": [try bare(try #require(table.artifacts["table"]), runner)], "curves": try history(runner)]
      )
    default:
      Issue.record("no fixed input for \(type): add one, and a golden digest")
      return ([:], [:])
    }
  }

  /// A table without its pictures and the digests of stored bytes, both of which depend on a compression library.
  private func bare(_ table: Artifact, _ runner: StageRunner) throws -> LabelledArtifact {
    var files: [String: StoredFile] = [:]
    for (path, file) in table.files where !path.hasPrefix("panels/") {
      var data = try Data(contentsOf: file.url)
      if path.hasSuffix(".json"), var result = try? EvaluationResult(decoding: data, name: path) {  // other JSON stays
        result.panels = []
        let text = String(decoding: try result.encoded(), as: UTF8.self)
        data = Data(text.replacing(/"digest" : "[0-9a-f]+"/, with: "\"digest\" : \"\(Digest.of("input").hex)\"").utf8)
      }
      files[path] = try runner.services.store(data)
    }
    let artifact = Artifact(kind: .table, digest: Digest.of("table"), files: files)
    return LabelledArtifact(instance: "evaluate", labels: [:], artifact: artifact)
  }

  /// Curves of a training, as `train` writes them.
  private func history(_ runner: StageRunner) throws -> [LabelledArtifact] {
    let lines =
      ["epoch,learning_rate,train_loss,val_l1,best,val_psnr"]
      + (0..<5).map { "\($0),0.001,\(0.5 / Double($0 + 1)),\(0.25 / Double($0 + 1)),\($0),\(30 + $0)" }
    let file = try runner.services.store(Data((lines.joined(separator: "\n") + "\n").utf8))
    let artifact = Artifact(kind: .log, digest: Digest.of("log"), files: ["history.csv": file])
    return [LabelledArtifact(instance: "train", labels: [:], artifact: artifact)]
  }

  /// One file of each sample, in a folder of a user's.
  private func written(
    _ samples: [Sample], _ role: String, below: String, _ runner: StageRunner, in given: URL? = nil
  ) throws -> String {
    let root = try given ?? runner.temporaryFolder()
    let folder = below.isEmpty ? root : root.appending(path: below)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for sample in samples {
      try Data(contentsOf: sample.files[role]!.url).write(to: folder.appending(path: "\(sample.name).png"))
    }
    return folder.path
  }

  /// Two made-up heads as splats.
  private func splats(_ runner: StageRunner) async throws -> Artifact {
    let heads = try await runner.run("heads.synthesize", ["count": 2, "size": 64, "gaussians": 4000, "seed": 3])
    return StageRunner.artifact(
      "splats",
      samples: heads.samples("photos").map {
        Sample(
          name: $0.name, files: ["gaussians.ply": heads.artifacts["folder"]!.files["splats/\($0.name)/gaussians.ply"]!])
      })
  }

  /// What an artifact says, pictures by their pixels: how a compression library packs them is not the stage's doing.
  private static func content(of artifact: Artifact) throws -> JSON {
    func digest(_ path: String, _ file: StoredFile) throws -> JSON {
      let data = try Data(contentsOf: file.url)
      // Weights are bytes, not text.
      if path.hasSuffix(".safetensors") || path.contains("tfevents") { return .string(Digest.of(data).hex) }
      guard ImageFile.format(of: data) != nil else {
        // Tables name their inputs by the digests of stored bytes.
        let text = String(decoding: data, as: UTF8.self).replacing(/"digest" : "[0-9a-f]+"/, with: "")
        return .string(Digest.of(text).hex)
      }
      let image = try ImageFile.read(data, name: "output")
      let pixels = image.raster.pixels.withUnsafeBytes { Digest.of(Data($0)).hex }
      return [.int(image.bitDepth), .int(image.raster.width), .int(image.raster.channels), .string(pixels)]
    }
    func digests(_ files: [String: StoredFile]) throws -> JSON {
      // Figures are painted by this machine's cairo with its fonts; they are there as SVG as well.
      let told = files.filter { !$0.key.hasPrefix("figures/") || $0.key.hasSuffix(".svg") }
      return .object(try Dictionary(uniqueKeysWithValues: told.map { ($0.key, try digest($0.key, $0.value)) }))
    }
    let samples = try artifact.samples.map { sample in
      JSON.array([.string(sample.name), try digests(sample.files), .object(sample.record)])
    }
    return [try digests(artifact.files), .array(samples)]
  }

  @Test(arguments: StageCatalogue.standard.stages.map { $0.type.rawValue })
  func outputOnlyChangesWithTheVersion(name: String) async throws {
    let type = StageType(rawValue: name)
    let stage = try #require(StageCatalogue.standard[type])
    let runner = try StageRunner()
    let (parameters, inputs) = try await fixedInput(type, runner)
    let result = try await NN.using(ComputeOptions(threads: 2, instructions: .plain)) {
      try await runner.run(type, parameters, inputs)
    }
    #expect(result.rejected.isEmpty)
    let parts = try result.artifacts.sorted { $0.key < $1.key }.map {
      JSON.array([.string($0.key), try Self.content(of: $0.value)])
    }
    let digest = Digest.of(.array(parts)).short
    let key = "\(name) v\(stage.version)"
    #expect(
      Self.golden[key] == digest,
      "the output of \(key) is \(digest): if that is meant, raise the stage's version and write `\"\(name) v…\": \"\(digest)\"`"
    )
  }

  /// A golden digest of a stage or version that no longer exists guards nothing.
  @Test func everyGoldenBelongsToARow() {
    let rows = Set(StageCatalogue.standard.stages.map { "\($0.type.rawValue) v\($0.version)" })
    #expect(Set(Self.golden.keys) == rows)
  }
}
