import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct ImagesCollectTests {
  /// A grey square on white, or noise to the very edge.
  private func photo(_ value: Float, width: Int = 100, height: Int = 80, noisy: Bool = false) -> Raster {
    var result = Raster(width: width, height: height, channels: 3, repeating: 1)
    var random = SeededRandom(seed: 3)
    for y in 0..<height {
      for x in 0..<width {
        let inside = x > width / 3 && x < width * 2 / 3 && y > height / 3 && y < height * 2 / 3
        for channel in 0..<3 { if inside || noisy { result[x, y, channel] = noisy ? Float(random.uniform()) : value } }
      }
    }
    return result
  }

  private func collect(_ files: [String: Data], _ parameters: [String: JSON] = [:]) async throws -> StageResult {
    let runner = try StageRunner()
    let folder = try runner.temporaryFolder()
    for (path, data) in files {
      let url = folder.appending(path: path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try data.write(to: url)
    }
    var all: [String: JSON] = ["source": .string(folder.path), "size": 64, "min_side": 16]
    all.merge(parameters) { _, new in new }
    let result = try await runner.run("images.collect", .object(all))
    for sample in result.samples("images") {
      let image = try #require(sample.files["photo.png"]).image()
      #expect(image.raster.channels == 3 && image.bitDepth == 8)
      #expect((image.raster.width, image.raster.height) == (64, 64))
    }
    return result
  }

  @Test func keepsNamesWithSpacesBracketsAndLettersInNaturalOrder() async throws {
    let png = { try ImageFile.encode(self.photo($0), as: .png8) }
    let result = try await collect([
      "1 (100)_face.png": png(0.1), "1 (20)_face.png": png(0.2), "é_顔.png": png(0.3),
      "set/a.JPG":
        try ImageFile.encode(photo(0.4), as: .jpeg(quality: 90)), "notes.txt": Data("no photo".utf8),
    ])
    #expect(result.samples("images").map(\.name) == ["1 (20)_face", "1 (100)_face", "set/a", "é_顔"])
    #expect(result.sample("set/a", "images")?.record["source"] == "set/a.JPG")
    #expect(result.sample("set/a", "images")?.record["width"] == 100)
  }

  @Test func rejectsDuplicatesByPixelsWhateverTheFileSays() async throws {
    let same = photo(0.3, width: 80)
    let result = try await collect([
      "b.png": try ImageFile.encode(same, as: .png8), "a.png": try ImageFile.encode(same, as: .png16),
      "c.png": try ImageFile.encode(photo(0.5), as: .png8),
    ])
    #expect(result.samples("images").map(\.name) == ["a", "c"])
    #expect(result.rejected["b"] == "same pixels as `a`")
    let manifest = try result.text("manifest.csv", "manifest")
    #expect(manifest.contains("b,rejected,same pixels as `a`"))
    #expect(manifest.contains("a,kept,"))
    let sheet = try result.text("contact_sheet.html", "manifest")
    #expect(sheet.contains("<b>b</b><br>same pixels as `a`") && sheet.contains("data:image/jpeg;base64,"))
    let kept = try await collect(
      ["b.png": try ImageFile.encode(same, as: .png8), "a.png": try ImageFile.encode(same, as: .png8)],
      ["dedupe": false])
    #expect(kept.samples("images").count == 2)
  }

  @Test func scoresBordersAndRejectsUnevenOnes() async throws {
    let files = [
      "clean.png": try ImageFile.encode(photo(0.3), as: .png8),
      "messy.png": try ImageFile.encode(photo(0.3, noisy: true), as: .png8),
    ]
    let scored = try await collect(files)
    let clean = try #require(scored.sample("clean", "images")?.record["border_score"]?.doubleValue)
    let messy = try #require(scored.sample("messy", "images")?.record["border_score"]?.doubleValue)
    #expect(clean < 1 && messy > 30)
    let filtered = try await collect(files, ["max_border_score": 10])
    #expect(filtered.samples("images").map(\.name) == ["clean"])
    #expect(filtered.rejected["messy"]?.contains("is above 10.00") == true)
  }

  @Test func namesWhatIsWrongWithAFile() async throws {
    let whole = try ImageFile.encode(photo(0.3), as: .png8)
    let result = try await collect([
      "cut.png": Data(whole.prefix(whole.count / 2)), "text.jpg": Data("not an image".utf8),
      "small.png": try ImageFile.encode(photo(0.3, width: 12, height: 12), as: .png8), "good.png": whole,
    ])
    #expect(result.samples("images").map(\.name) == ["good"])
    #expect(result.rejected["cut"]?.contains("cut.png") == true)
    #expect(result.rejected["text"]?.contains("text.jpg") == true)
    #expect(result.rejected["small"]?.contains("12 x 12 is smaller than `min_side` (16 px)") == true)
    let manifest = try JSON(parsing: try result.text("manifest.json", "manifest"))
    #expect(manifest.arrayValue?.count == 4)
    #expect(manifest.arrayValue?.allSatisfy { $0["status"] == "kept" || $0["reason"] != nil } == true)
  }

  @Test func cropsTheCentreSquareUnlessTold() async throws {
    var wide = Raster(width: 120, height: 40, channels: 3, repeating: 0)
    for y in 0..<40 { for x in 40..<80 { for c in 0..<3 { wide[x, y, c] = 1 } } }
    let data = try ImageFile.encode(wide, as: .png8)
    let cropped = try await collect(["wide.png": data])
    let image = try #require(cropped.sample("wide", "images")?.files["photo.png"]).image()
    #expect(image.raster.pixels.allSatisfy { $0 == 1 })
    let refused = try await collect(["wide.png": data], ["crop": false])
    #expect(refused.rejected["wide"]?.contains("120 x 40 is not square") == true)
  }
}
