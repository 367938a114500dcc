import Basics
import Foundation
import Imaging
import Splats
import Testing

@Suite struct HeadTests {
  private static let names = (0..<4).map { "head_\($0)" }

  @Test func sameSeedAndNameGiveTheSameHead() {
    let a = SyntheticHead(seed: 5, name: "a b")
    let b = SyntheticHead(seed: 5, name: "a b")
    #expect(a.photo(size: 64) == b.photo(size: 64))
    #expect(a.splats(count: 2000) == b.splats(count: 2000))
    #expect(a.pseudoNormals(size: 64) == b.pseudoNormals(size: 64))
    #expect(a.shape != SyntheticHead(seed: 6, name: "a b").shape)
    #expect(a.shape != SyntheticHead(seed: 5, name: "a c").shape)
  }

  /// A bust fills a quarter to a half of the picture, is nearest at the nose, and stands in the middle.
  @Test(arguments: names) func looksLikeAHeadInItsDepth(_ name: String) throws {
    let head = SyntheticHead(seed: 3, name: name)
    let size = 128
    let depth = head.depth(size: size, near: 1.8, far: 3.6)
    let covered = depth.pixels.filter { $0 > 0 }.count
    #expect((0.25...0.55).contains(Double(covered) / Double(size * size)))
    let nose = try #require(depth.pixels.indices.max { depth.pixels[$0] < depth.pixels[$1] })
    #expect(abs(nose % size - size / 2) < size / 8)
    #expect((size * 3 / 10..<size * 6 / 10).contains(nose / size), "nose in row \(nose / size)")
    // The crown is inside the picture, the corners beside it are empty.
    for x in 0..<size { #expect(depth[x, 0] == 0) }
    // The eye sockets lie behind the brow and the nose.
    #expect(depth.pixels[nose] - depth[nose % size, nose / size - size * 3 / 20] > 0.02)
  }

  @Test func splatsShowTheHeadWithFlaws() throws {
    let size = 128
    var (seen, missing, outside) = (0, 0, 0)
    for name in Self.names {
      let head = SyntheticHead(seed: 3, name: name)
      let cloud = head.splats(count: 16_000)
      let maps = SplatRasteriser().render(cloud, camera: SplatCamera(width: size, height: size))
      let truth = head.depth(size: size, near: maps.near, far: maps.far)
      var errors: [Float] = []
      for y in 0..<(size * 3 / 4) {
        for x in 0..<size where truth[x, y] > 0 {
          if maps.opacity[x, y] > 0.95 { errors.append(abs(maps.depth[x, y] - truth[x, y])) } else { missing += 1 }
        }
      }
      errors.sort()
      try #require(errors.count > 1000)
      #expect(errors[errors.count / 2] < 0.02)
      #expect(errors[errors.count / 2] > 1e-4, "splats without any flaw")
      seen += errors.count
      outside += truth.pixels.indices.filter { truth.pixels[$0] == 0 && maps.opacity.pixels[$0] > 0.2 }.count
    }
    #expect(missing > 0 && missing < seen / 10, "holes and soft silhouettes")
    #expect(outside > 0, "floaters")
  }

  @Test func pseudoNormalsFollowTheSurface() {
    let head = SyntheticHead(seed: 3, name: "y")
    let map = head.pseudoNormals(size: 128)
    for i in stride(from: 0, to: map.pixels.count, by: 3) {
      let n = SIMD3(map.pixels[i] * 2 - 1, map.pixels[i + 1] * 2 - 1, map.pixels[i + 2] * 2 - 1)
      #expect(abs((n * n).sum() - 1) < 1e-3)
      #expect(n.z < 0.35)
    }
  }
}
