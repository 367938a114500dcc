import Foundation
import Imaging
import Testing

/// A degradation is a file and a row; whatever else knows degradations follows from the row.
@Suite struct DegradationTests {
  private static func map(_ side: Int) -> Raster {
    var map = Raster(width: side, height: side)
    for y in 0..<side { for x in 0..<side { map[x, y] = 0.5 + 0.5 * sin(Float(x) * 0.21) * cos(Float(y) * 0.13) } }
    return map
  }

  @Test(arguments: DegradationCatalogue.depth.map { $0.id }) func sizesLevelsAndSeeds(id: String) throws {
    let row = try #require(DegradationCatalogue.depth.first { $0.id == id })
    let map = Self.map(130)
    func apply(_ seed: UInt64) -> Raster { row.apply(to: map, noise: DegradationNoise(seed: seed)) }
    let small = apply(5)
    #expect(small.width == 32 && small.height == 32)
    if row.storage != .float {
      let levels: Float = row.storage == .bits8 ? 255 : 65535
      #expect(small.pixels.allSatisfy { $0 >= 0 && $0 <= 1 && abs($0 * levels - ($0 * levels).rounded()) < 0.01 })
    }
    #expect(apply(5) == small)
    #expect((apply(6) != small) == row.isNoisy)
  }

  @Test(arguments: DegradationCatalogue.photo.map { $0.id }) func photosBecomeSmaller(id: String) throws {
    let row = try #require(DegradationCatalogue.photo.first { $0.id == id })
    let plane = Self.map(64)
    var photo = Raster(width: 64, height: 64, channels: 3)
    for y in 0..<64 { for x in 0..<64 { for c in 0..<3 { photo[x, y, c] = plane[x, (y + 7 * c) % 64] } } }
    let small = try row.apply(to: photo, settings: SecondOrderDegradation(), seed: 3)
    #expect((small.width, small.height, small.channels) == (16, 16, 3))
    #expect(try row.apply(to: photo, settings: SecondOrderDegradation(), seed: 3) == small)
  }

  @Test func noiseHasTheStatedSize() {
    let flat = Raster(width: 400, height: 400, repeating: 0.5)
    let noisy = NoisyBicubicReduction.apply(to: flat, scale: 1, noise: DegradationNoise(seed: 1))
    let deviation = Statistics.standardDeviation(noisy.pixels.map { Double($0) })
    #expect(abs(deviation - 0.02) < 0.001)
    #expect(abs(Statistics.mean(noisy.pixels.map { Double($0) }) - 0.5) < 0.001)
  }

  @Test func theStudysNamesComeFirst() {
    #expect(
      DegradationCatalogue.depth.prefix(5).map { $0.id } == [
        "bicubic", "bicubic_noise", "bicubic_q8", "render", "render_q8",
      ])
  }

  @Test(arguments: ["DepthDegradation", "PhotoDegradation"]) func everyDegradationOfTheSourcesHasARow(name: String)
    throws
  {
    let rows: [String] =
      name == "DepthDegradation"
      ? DegradationCatalogue.depth.map { String(describing: $0) }
      : DegradationCatalogue.photo.map { String(describing: $0) }
    let ids =
      name == "DepthDegradation" ? DegradationCatalogue.depth.map { $0.id } : DegradationCatalogue.photo.map { $0.id }
    #expect(Set(ids).count == ids.count)
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources")
    var declared: [String] = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: root.path) where path.hasSuffix(".swift") {
      let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
      let found = text.matches(
        of: try Regex("(?m)^.*\\b(?:enum|struct|class) (\\w+): \(name)\\b", as: (Substring, Substring).self))
      for match in found {
        declared.append(String(match.output.1))
        #expect(path.hasSuffix("/\(match.output.1).swift"), "a degradation is a file of its own")
      }
    }
    #expect(declared.sorted() == rows.sorted())
  }
}
