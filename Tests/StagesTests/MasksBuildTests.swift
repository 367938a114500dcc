import Basics
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct MasksBuildTests {
  private func mask(_ parameters: JSON, _ change: (inout SyntheticHead.Maps) -> Void = { _ in }) async throws -> (
    mask: Raster?, result: StageResult, maps: SyntheticHead.Maps
  ) {
    let runner = try StageRunner()
    var maps = SyntheticHead(size: 96).maps
    change(&maps)
    let sample = Sample(
      name: "a",
      files: [
        "depth.png": try runner.store(maps.depth, .png16), "foreground.png": try runner.store(maps.opacity, .png8),
        "photo.png": try runner.store(maps.photo, .png8),
      ])
    let result = try await runner.run(
      "masks.build", parameters, .of(["maps": StageRunner.artifact("maps", samples: [sample])]))
    return (try result.sample("a", "masks")?.files["mask.png"]?.image().raster, result, maps)
  }

  @Test func photoOnWhiteGivesItsSilhouetteWithoutSpecksAndHoles() async throws {
    let (found, _, maps) = try await mask(["source": "photo"]) { maps in
      for c in 0..<3 {
        // A speck outside that opening removes; a white glint inside that filling closes.
        maps.photo[3, 3, c] = 0
        for y in 44..<52 { for x in 44..<52 { maps.photo[x, y, c] = 1 } }
      }
    }
    let mask = try #require(found)
    #expect(mask[3, 3] == 0 && mask[48, 48] == 1)
    let wrong = mask.pixels.indices.count { mask.pixels[$0] != maps.opacity.pixels[$0] }
    #expect(wrong < 96, "\(wrong) pixels differ from the true silhouette")
    #expect(mask.pixels.allSatisfy { $0 == 0 || $0 == 1 })
  }

  @Test func thresholdCountsInEightBitSteps() async throws {
    for (value, expected) in [(243.0, Float(0)), (242.0, Float(1))] {
      let (found, _, _) = try await mask(["threshold": 12, "min_coverage": 0]) { maps in
        maps.photo = Raster(width: 96, height: 96, channels: 3, repeating: 1)
        for y in 20..<60 { for x in 20..<60 { maps.photo[x, y, 1] = Float(value / 255) } }
      }
      #expect(try #require(found)[40, 40] == expected)
    }
  }

  @Test func foregroundBothAndErosion() async throws {
    let cut: (inout SyntheticHead.Maps) -> Void = { maps in
      for y in 0..<96 { for x in 0..<48 { maps.opacity[x, y] = 0 } }
    }
    let foreground = try #require(try await mask(["source": "foreground"], cut).mask)
    #expect(foreground[40, 48] == 0 && foreground[56, 48] == 1)
    let both = try #require(try await mask(["source": "both"], cut).mask)
    #expect(both[40, 48] == 0 && both[56, 48] == 1)
    let photo = try #require(try await mask(["source": "photo"], cut).mask)
    #expect(photo[40, 48] == 1)
    let eroded = try #require(try await mask(["source": "foreground", "erode": 5], cut).mask)
    #expect(eroded[52, 48] == 0 && eroded[54, 48] == 1)
  }

  @Test func anEmptyMaskIsABadSampleThatSaysWhy() async throws {
    let (_, result, _) = try await mask(["source": "photo"]) {
      $0.photo = Raster(width: 96, height: 96, channels: 3, repeating: 1)
    }
    #expect(result.rejected["a"]?.contains("covers 0.0 % of the picture") == true)
  }
}
