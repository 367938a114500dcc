import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct MapsNormalizeTests {
  private struct Cleaned {
    var depth: Raster
    var normal: Raster
    var foreground: Raster
    var record: [String: JSON]
  }

  private func clean(_ head: SyntheticHead, _ parameters: JSON = [:]) async throws -> Cleaned {
    let runner = try StageRunner()
    let renders = StageRunner.artifact("renders", samples: [try runner.render("a", head)])
    let result = try await runner.run("maps.normalize", parameters, .of(["renders": renders]))
    let sample = try #require(result.sample("a", "maps"), "\(result.rejected)")
    let depth = try #require(sample.files["depth.png"]).image()
    let normal = try #require(sample.files["normal.png"]).image()
    #expect(depth.bitDepth == 16 && normal.bitDepth == 16)
    return Cleaned(
      depth: depth.raster, normal: normal.raster,
      foreground: try #require(sample.files["foreground.png"]).image().raster,
      record: sample.record)
  }

  @Test func depthRunsFromTheFirstPercentileToTheNose() async throws {
    let head = SyntheticHead()
    let result = try await clean(head)
    let raw = head.maps
    #expect(result.depth.pixels.max() == 1)
    for pixel in raw.depth.pixels.indices where raw.opacity.pixels[pixel] == 0 && result.foreground.pixels[pixel] == 0 {
      #expect(result.depth.pixels[pixel] == 0)
    }
    // The definition, by hand: top is the maximum here (the patch at the nose holds it), low the first percentile.
    let values = raw.depth.pixels.filter { $0 > 0 }.map { Double(($0 * 65535).rounded()) / 65535 }.sorted()
    let place = 0.01 * Double(values.count - 1)
    let low = values[Int(place)] + (values[Int(place) + 1] - values[Int(place)]) * (place - Double(Int(place)))
    let top = try #require(values.last)
    #expect(abs((result.record["depth_top"]?.doubleValue ?? 0) - top) < 1e-4)
    let expected = 1 - (top - Double(raw.depth[24, 28])) / (top - low)
    #expect(abs(Double(result.depth[24, 28]) - expected) < 0.004, "low differs by the rim that closing adds")
  }

  @Test func holesAreFilledWithoutLosingPrecision() async throws {
    let whole = try await clean(SyntheticHead(size: 128))
    for parameters in [["fill": "telea"], ["fill": "harmonic"], ["hole_max_px": 10]] as [JSON] {
      let mended = try await clean(SyntheticHead(size: 128, hole: (60, 70, 8)), parameters)
      #expect((mended.record["holes_filled_px"]?.intValue ?? 0) >= 197)
      var worst: Float = 0
      var values: Set<Float> = []
      for y in 62...78 {
        for x in 52...68 where (x - 60) * (x - 60) + (y - 70) * (y - 70) <= 64 {
          #expect(mended.foreground[x, y] == 1)
          worst = max(worst, abs(mended.depth[x, y] - whole.depth[x, y]))
          values.insert(mended.depth[x, y])
        }
      }
      #expect(worst < 0.06, "\(parameters): \(worst)")
      // In 8 bits there would be a handful of levels.
      #expect(values.count > 60, "\(parameters): \(values.count) levels")
    }
  }

  @Test func speckGoesUnlessItIsLargeEnough() async throws {
    let speck = SyntheticHead(size: 128, speck: (8, 8, 3))
    let result = try await clean(speck)
    #expect(result.foreground[8, 8] == 0 && result.depth[8, 8] == 0)
    #expect((result.record["removed_px"]?.intValue ?? 0) >= 29)
    #expect(abs(result.normal[8, 8, 2] - 0.5) < 1e-4)
    let kept = try await clean(speck, ["min_component_px": 20])
    #expect(kept.foreground[8, 8] == 1)
  }

  @Test func normalsStayUnitAndFaceTheCamera() async throws {
    for origin in ["render", "depth"] {
      let result = try await clean(SyntheticHead(size: 128), ["normals": ["origin": .string(origin)]])
      for pixel in stride(from: 0, to: 128 * 128, by: 7) where result.foreground.pixels[pixel] == 1 {
        let n = (0..<3).map { Double(result.normal.pixels[pixel * 3 + $0]) * 2 - 1 }
        let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).squareRoot()
        #expect(abs(length - 1) < 1e-3)
        #expect(n[2] < 0.05, "\(origin): \(n)")
      }
      #expect((result.record["consistency"]?.doubleValue ?? 0) > 0.9, "\(origin): \(result.record)")
    }
  }

  @Test func normalsThatContradictTheDepthAreRejectedByThreshold() async throws {
    let runner = try StageRunner()
    var maps = SyntheticHead().maps
    for pixel in 0..<(64 * 64) {
      for c in 0..<2 { maps.normal.pixels[pixel * 3 + c] = 1 - maps.normal.pixels[pixel * 3 + c] }
    }
    var sample = try runner.render("a")
    sample.files["normal.png"] = try runner.store(maps.normal, .png8)
    let renders = StageRunner.artifact("renders", samples: [sample])
    let result = try await runner.run("maps.normalize", ["min_consistency": 0.5], .of(["renders": renders]))
    #expect(result.rejected["a"]?.contains("less than `min_consistency`") == true, "\(result.samples("maps"))")
  }

  @Test func anEmptyForegroundIsABadSample() async throws {
    let runner = try StageRunner()
    var sample = try runner.render("a")
    sample.files["opacity.png"] = try runner.store(Raster(width: 64, height: 64), .png8)
    let result = try await runner.run(
      "maps.normalize", [:], .of(["renders": StageRunner.artifact("renders", samples: [sample])]))
    #expect(result.rejected["a"]?.contains("nothing is in the foreground") == true)
  }
}
