import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

/// Float maps can hold anything. What is not 0...1 is refused by name at the door, never scored, clamped or spread.
@Suite struct OutsideValuesTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let said: [String]
    let value: @Sendable (Int) -> Float
  }

  static let faults: [Fault] = [
    Fault(testDescription: "unknown", said: ["1 of 48 values are no numbers", "x 3, y 2"]) { $0 == 19 ? .nan : 0.5 },
    Fault(testDescription: "far", said: ["no numbers", "x 0, y 0"]) { $0 == 0 ? .infinity : 0.5 },
    Fault(testDescription: "metres", said: ["48 of 48 values lie outside 0.0...1.0", "from 1.5 to 7.375"]) {
      1.5 + Float($0) / 8
    },
    Fault(testDescription: "below", said: ["1 of 48 values lie outside", "x 7, y 5"]) { $0 == 47 ? -0.25 : 0.5 },
  ]

  private static func map(_ value: (Int) -> Float) -> Raster {
    Raster(width: 8, height: 6, pixels: (0..<48).map(value))
  }

  @Test(arguments: faults) func depthOutsideTheRangeIsABadSample(fault: Fault) async throws {
    let name = fault.testDescription
    let runner = try StageRunner()
    let folder = try runner.temporaryFolder()
    try FileManager.default.createDirectory(at: folder.appending(path: "depth"), withIntermediateDirectories: true)
    func write(_ raster: Raster, _ name: String) throws {
      try ImageFile.encode(raster, as: .tiffFloat).write(to: folder.appending(path: "depth/\(name).tif"))
    }
    try write(Self.map(fault.value), name)
    try write(Self.map { Float($0) / 47 }, "sound")
    let result = try await runner.run("pairs.collect", ["folder": .string(folder.path)])
    #expect(result.samples("dataset").map(\.name) == ["sound"])
    let reason = try #require(result.rejected[name])
    for part in fault.said { #expect(reason.contains(part), "\(reason)") }
    #expect(reason.contains(name))
  }

  /// Networks overshoot a little, which the protocol's `clamp` deals with; metres and NaN are something else.
  @Test func predictionsMayOvershootAndNoMore() async throws {
    let runner = try StageRunner()
    let samples = try (0..<3).map { try runner.datasetSample("face \($0)", side: "validation", SyntheticHead()) }
    let folder = try runner.temporaryFolder()
    for (sample, offset) in zip(samples, [0.2, 900, Float.nan]) {
      let truth = try #require(sample.files["depth.png"]).image().raster
      try ImageFile.encode(truth.mapped { $0 + offset }, as: .tiffFloat)
        .write(to: folder.appending(path: "\(sample.name).tif"))
    }
    let result = try await runner.run(
      "predictions.import", ["method": "Ours", "folder": .string(folder.path)],
      .of(["dataset": StageRunner.artifact("dataset", samples: samples)]))
    #expect(result.samples("predictions").map(\.name) == ["face 0"])
    #expect(result.rejected["face 1"]?.contains("lie outside -0.5...1.5") == true)
    #expect(result.rejected["face 2"]?.contains("no numbers") == true)
  }

  private func relative(_ map: (Raster) -> Raster) async throws -> StageResult {
    let runner = try StageRunner()
    let maps = StageRunner.artifact("maps", samples: [try runner.cleanMaps("face 0")])
    let folder = try runner.temporaryFolder()
    try FileManager.default.createDirectory(
      at: folder.appending(path: "relative_depth"), withIntermediateDirectories: true)
    let depth = try #require(maps.samples[0].files["depth.png"]).image().raster
    try ImageFile.encode(map(depth), as: .png16).write(to: folder.appending(path: "relative_depth/face 0.png"))
    return try await runner.run(
      "relative.import", [:], .of(["maps": maps, "folder": try runner.folderArtifact(folder)]))
  }

  @Test func relativeDepthOfTheUncroppedPhotoIsRefused() async throws {
    let result = try await relative { Resize.area($0, width: 60, height: 40) }
    let reason = try #require(result.rejected["face 0"])
    #expect(reason.contains("60 x 40") && reason.contains("64 x 64"), "\(reason)")
  }

  @Test func coloursAreNoDepth() async throws {
    let result = try await relative { depth in
      var picture = Raster(width: depth.width, height: depth.height, channels: 3)
      for i in depth.pixels.indices {
        picture.pixels[3 * i] = depth.pixels[i]
        picture.pixels[3 * i + 2] = 1 - depth.pixels[i]
      }
      return picture
    }
    #expect(result.rejected["face 0"]?.contains("a picture in colours") == true, "\(result.rejected)")
  }

  /// A map that has nothing to do with the depth is not mended by turning it round.
  @Test func unrelatedMapsAreNotAdvisedToBeInverted() async throws {
    var random = SeededRandom(seed: 5)
    let noise = (0..<(64 * 64)).map { _ in Float(random.uniform()) }
    let error = await #expect(throws: StageFailure.self) {
      try await relative { depth in Raster(width: depth.width, height: depth.height, channels: 1, pixels: noise) }
    }
    #expect(error?.help?.contains("invert") == false && error?.help?.contains("neither direction") == true)
  }
}
