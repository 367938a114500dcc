import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct DepthDegradeTests {
  private func degrade(_ kind: String, _ parameters: [String: JSON] = [:], name: String = "a") async throws
    -> DecodedImage
  {
    let runner = try StageRunner()
    let dataset = StageRunner.artifact("dataset", samples: [try runner.datasetSample(name, side: "train")])
    var all: [String: JSON] = ["kind": .string(kind)]
    all.merge(parameters) { _, new in new }
    let result = try await runner.run("depth.degrade", .object(all), .of(["dataset": dataset]))
    let sample = try #require(result.sample(name, "pairs"))
    #expect(sample.record == ["kind": .string(kind), "scale": all["scale"] ?? 4])
    return try #require(sample.files["lr.png"]).image()
  }

  @Test(arguments: [
    ("bicubic", 16), ("bicubic_noise", 16), ("bicubic_q8", 8), ("render", 16), ("render_q8", 8), ("nearest", 16),
  ])
  func everyKindHasItsSizeAndDepth(kind: String, bits: Int) async throws {
    let image = try await degrade(kind)
    #expect((image.raster.width, image.raster.height, image.raster.channels) == (16, 16, 1))
    #expect(image.bitDepth == bits)
  }

  @Test func renderIsTheMeanOfEachBlockAndQ8RoundsIt() async throws {
    let depth = try ImageFile.read(
      try ImageFile.encode(SyntheticHead().maps.depth, as: .png16), name: "depth"
    ).raster
    let render = try await degrade("render").raster
    let quantised = try await degrade("render_q8").raster
    for y in 0..<16 {
      for x in 0..<16 {
        var mean = 0.0
        for v in 0..<4 { for u in 0..<4 { mean += Double(depth[x * 4 + u, y * 4 + v]) / 16 } }
        #expect(abs(Double(render[x, y]) - mean) < 1.0 / 65535)
        #expect(
          abs(Double(quantised[x, y]) - (mean * 255).rounded() / 255) < 1e-6
            || abs(mean * 255 - (mean * 255).rounded(.down) - 0.5) < 0.01)
      }
    }
  }

  /// OpenCV's INTER_CUBIC at a quarter of the size reads the four pixels round each centre: with a = -0.75 at offset 0.5
  /// the weights are -0.09375, 0.59375, 0.59375, -0.09375.
  @Test func bicubicWeighsTheFourNearestPixelsWithoutAntialiasing() async throws {
    let depth = try ImageFile.read(
      try ImageFile.encode(SyntheticHead().maps.depth, as: .png16), name: "depth"
    ).raster
    let low = try await degrade("bicubic").raster
    let weights = [-0.09375, 0.59375, 0.59375, -0.09375]
    for y in 0..<16 {
      for x in 0..<16 {
        var expected = 0.0
        for v in 0..<4 {
          for u in 0..<4 { expected += weights[u] * weights[v] * Double(depth[x * 4 + u, y * 4 + v]) }
        }
        #expect(abs(Double(low[x, y]) - min(max(expected, 0), 1)) < 1.5 / 65535, "at \(x), \(y)")
      }
    }
  }

  @Test func noiseIsSeededByNameAndHasTheDeclaredStrength() async throws {
    let plain = try await degrade("bicubic").raster
    let first = try await degrade("bicubic_noise", ["noise": 0.05]).raster
    let again = try await degrade("bicubic_noise", ["noise": 0.05]).raster
    let other = try await degrade("bicubic_noise", ["noise": 0.05], name: "b").raster
    let seeded = try await degrade("bicubic_noise", ["noise": 0.05, "seed": 7]).raster
    #expect(first == again)
    #expect(first != other && first != seeded)
    // Inside the head, away from 0 and 1, nothing is clipped.
    let inner = plain.pixels.indices.filter { plain.pixels[$0] > 0.3 && plain.pixels[$0] < 0.8 }
    let squares = inner.reduce(0.0) { $0 + pow(Double(first.pixels[$1] - plain.pixels[$1]), 2) }
    let deviation = (squares / Double(inner.count)).squareRoot()
    #expect(abs(deviation - 0.05) < 0.012, "\(inner.count) pixels, \(deviation)")
  }

  @Test func aSizeThatTheScaleDoesNotDivideIsABadSample() async throws {
    let runner = try StageRunner()
    let sample = try runner.datasetSample("odd", side: "train", SyntheticHead(size: 30))
    let result = try await runner.run(
      "depth.degrade", [:], .of(["dataset": StageRunner.artifact("dataset", samples: [sample])]))
    #expect(result.rejected["odd"]?.contains("30 x 30, which a scale of 4 does not divide") == true)
  }
}
