import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

import struct Splats.GaussianCloud
import enum Splats.SplatFile

/// The road from made-up heads over splats to maps and pairs.
@Suite struct SplatStagesTests {
  private static let names = ["1 (100)_face", "2 (7)_visage é_顔", "3 [crop] Zoë"]
  private static let small: JSON = ["count": 3, "size": 64, "gaussians": 3000, "seed": 5]

  /// Splats as `facelift.ingest` delivers them.
  private func splats(_ heads: StageResult) -> Artifact {
    StageRunner.artifact(
      "splats",
      samples: heads.samples("photos").map { photo in
        var sample = photo
        sample.files["gaussians.ply"] = heads.artifacts["folder"]?.files["splats/\(photo.name)/gaussians.ply"]
        return sample
      })
  }

  private func decoded(_ file: StoredFile?) throws -> DecodedImage {
    try ImageFile.read(Data(contentsOf: try #require(file).url), name: "output")
  }

  @Test func headsComeInTheLayoutOfAFaceliftRun() async throws {
    let heads = try await StageRunner().run("heads.synthesize", Self.small)
    #expect(heads.samples("photos").map(\.name) == Self.names)
    let files = try #require(heads.artifacts["folder"]).files
    let folders = [
      "cropped_faces", "depth_maps", "normal_dsine", "normal_maps", "opacity_maps", "rgb_rendered", "true_depth",
    ]
    let expected = Self.names.flatMap { name in folders.map { "\($0)/\(name).png" } + ["splats/\(name)/gaussians.ply"] }
    #expect(Set(files.keys) == Set(expected))
    for name in Self.names {
      for folder in folders {
        let image = try decoded(files["\(folder)/\(name).png"])
        #expect(image.bitDepth == (["depth_maps", "true_depth"].contains(folder) ? 16 : 8), "\(folder)")
        #expect((image.raster.width, image.raster.height) == (64, 64))
      }
      #expect(heads.sample(name, "photos")?.record["width"] == 64)
    }
  }

  @Test func headsDependOnTheirNameAndSeedAlone() async throws {
    let three = try await StageRunner().run("heads.synthesize", Self.small, threads: 2)
    let two = try await StageRunner().run(
      "heads.synthesize", ["count": 2, "size": 64, "gaussians": 3000, "seed": 5], threads: 1)
    let other = try await StageRunner().run(
      "heads.synthesize", ["count": 1, "size": 64, "gaussians": 3000, "seed": 6], threads: 1)
    let files = try #require(two.artifacts["folder"]).files
    #expect(!files.isEmpty)
    for (path, file) in files { #expect(three.artifacts["folder"]?.files[path]?.digest == file.digest, "\(path)") }
    let path = "cropped_faces/\(Self.names[0]).png"
    #expect(other.artifacts["folder"]?.files[path]?.digest != files[path]?.digest)
  }

  @Test func renderingTheSplatsGivesTheMapsOfTheFolder() async throws {
    let runner = try StageRunner()
    let heads = try await runner.run("heads.synthesize", Self.small)
    let renders = try await runner.run("splats.render", ["view": ["size": 64]], .of(["splats": splats(heads)]))
    #expect(renders.samples("renders").map(\.name) == Self.names)
    for sample in renders.samples("renders") {
      for (role, folder) in [
        ("depth.png", "depth_maps"), ("rgb.png", "rgb_rendered"), ("normal.png", "normal_maps"),
        ("opacity.png", "opacity_maps"),
      ] {
        let path = "\(folder)/\(sample.name).png"
        #expect(sample.files[role]?.digest == heads.artifacts["folder"]?.files[path]?.digest, "\(path)")
      }
      #expect(sample.files["photo.png"] != nil)
      let (near, far) = (sample.record["near"]?.doubleValue ?? 0, sample.record["far"]?.doubleValue ?? 0)
      #expect(near > 1.5 && far > near && far < 4)
    }
  }

  @Test func anyCameraAndSize() async throws {
    let runner = try StageRunner()
    let heads = try await runner.run("heads.synthesize", ["count": 1, "size": 64, "gaussians": 3000])
    let side = try await runner.run(
      "splats.render", ["view": ["size": 80, "height": 48, "yaw": 60, "elevation": 10, "field_of_view": 40]],
      .of(["splats": splats(heads)]))
    let image = try decoded(side.samples("renders").first?.files["depth.png"])
    #expect((image.raster.width, image.raster.height, image.bitDepth) == (80, 48, 16))
    #expect(image.raster.pixels.contains { $0 > 0.3 })
    // Splats far off to the side leave nothing to see: the sample is at fault, not the stage.
    var artifact = splats(heads)
    var cloud: GaussianCloud = try SplatFile.read(try #require(artifact.samples[0].files["gaussians.ply"]).url)
    for i in cloud.positions.indices { cloud.positions[i].x += 50 }
    artifact.samples[0].files["gaussians.ply"] = try runner.services.store(SplatFile.encode(cloud))
    let away = try await runner.run("splats.render", ["view": ["size": 16]], .of(["splats": artifact]))
    #expect(away.rejected.values.first?.contains("nothing is seen") == true)
  }

  @Test func consistencyKeepsHeadsAndDropsWhatHasNoSurface() async throws {
    let runner = try StageRunner()
    let heads = try await runner.run("heads.synthesize", ["count": 3, "size": 64, "gaussians": 12_000])
    var artifact = splats(heads)
    // Spread one head's splats along the line of sight: from the front it looks the same, from the side it is a cloud.
    let original = try #require(artifact.samples[1].files["gaussians.ply"])
    var cloud: GaussianCloud = try SplatFile.read(original.url)
    var random = SeededRandom(seed: 3)
    for i in cloud.positions.indices { cloud.positions[i].y += Float(random.uniform(-0.5, 0.5)) }
    artifact.samples[1].files["gaussians.ply"] = try runner.services.store(SplatFile.encode(cloud))

    let settings: JSON = ["size": 128, "erosion": 2]
    let result = try await runner.run("splats.consistency", settings, .of(["splats": artifact]))
    #expect(result.samples("splats").map(\.name) == [Self.names[0], Self.names[2]])
    for sample in result.samples("splats") {
      #expect((sample.record["consistency_rate"]?.doubleValue ?? 0) > 0.9)
      #expect((sample.record["consistency_difference"]?.doubleValue ?? 1) < 0.02)
      #expect(sample.files["gaussians.ply"] != nil && sample.files["photo.png"] != nil)
    }
    #expect(result.rejected[Self.names[1]]?.contains("of the pixels agree between the views, less than 78.0 %") == true)
    let manifest = try JSON(parsing: result.text("manifest.json", "manifest"))
    #expect(manifest["samples"]?.arrayValue?.count == 3)
    #expect(try result.text("manifest.csv", "manifest").contains("\(Self.names[1]),"))

    // The percentile rule needs a collection; asked for, it drops the worst. `reject: false` only tells.
    let strict = try await runner.run(
      "splats.consistency", ["size": 128, "erosion": 2, "min_rate": 0, "percentile": 50, "percentile_from": 2],
      .of(["splats": artifact]))
    #expect(strict.rejected[Self.names[1]]?.contains("percentile 50 of all") == true)
    let lenient = try await runner.run(
      "splats.consistency", ["size": 128, "erosion": 2, "reject": false], .of(["splats": artifact]))
    #expect(lenient.samples("splats").count == 3)
    #expect(try lenient.text("manifest.csv", "manifest").contains(",flagged,"))
  }

  @Test func degradingByRenderingMatchesTheNormalisedMap() async throws {
    let runner = try StageRunner()
    let heads = try await runner.run("heads.synthesize", ["count": 2, "size": 128, "gaussians": 12_000])
    let clouds = splats(heads)
    let renders = try await runner.run("splats.render", ["view": ["size": 128]], .of(["splats": clouds]))
    let maps = try await runner.run("maps.normalize", [:], .of(["renders": try #require(renders.artifacts["renders"])]))
    let dataset = try #require(maps.artifacts["maps"])
    let rendered = try await runner.run("splats.degrade", [:], .of(["dataset": dataset, "splats": clouds]))
    let reduced = try await runner.run("depth.degrade", ["kind": "render_q8"], .of(["dataset": dataset]))
    #expect(rendered.samples("pairs").count == 2)
    for sample in rendered.samples("pairs") {
      let mine = try decoded(sample.files["lr.png"])
      let other = try decoded(reduced.sample(sample.name, "pairs")?.files["lr.png"])
      #expect((mine.raster.width, mine.raster.height, mine.bitDepth) == (32, 32, 8))
      #expect(sample.record["kind"] == "render_splat" && sample.record["scale"] == 4)
      let both = mine.raster.pixels.indices.filter { mine.raster.pixels[$0] > 0.3 && other.raster.pixels[$0] > 0.3 }
      #expect(both.count > 100)
      let differences = both.map { abs(mine.raster.pixels[$0] - other.raster.pixels[$0]) }.sorted()
      // The same surface at the same scale; at 32 px the low-pass widens the foremost splats by two pixels of the large map,
      // which brings the blended depth nearer.
      #expect(differences[differences.count / 2] < 0.06)
      #expect(mine.raster != other.raster)
    }
    let deep = try await runner.run("splats.degrade", ["bits": 16], .of(["dataset": dataset, "splats": clouds]))
    #expect(try decoded(deep.samples("pairs").first?.files["lr.png"]).bitDepth == 16)
    var bare = dataset
    for i in bare.samples.indices { bare.samples[i].record["depth_top"] = nil }
    await #expect(throws: StageFailure.self) {
      try await runner.run("splats.degrade", [:], .of(["dataset": bare, "splats": clouds]))
    }
  }

  @Test(arguments: ["splats.render", "splats.consistency"])
  func aDamagedFileIsTheSamplesFault(_ type: StageType) async throws {
    let runner = try StageRunner()
    let heads = try await runner.run("heads.synthesize", ["count": 1, "size": 64, "gaussians": 1000])
    var artifact = splats(heads)
    let whole = try Data(contentsOf: try #require(artifact.samples[0].files["gaussians.ply"]).url)
    artifact.samples[0].files["gaussians.ply"] = try runner.services.store(whole.dropLast(5))
    let result = try await runner.run(type, [:], .of(["splats": artifact]))
    let reason = try #require(result.rejected[Self.names[0]])
    #expect(reason.contains("gaussians.ply of `\(Self.names[0])`: the header promises"))
    #expect(reason.contains("at byte \(whole.count - 5)"))
  }
}
