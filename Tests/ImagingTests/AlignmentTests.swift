import Basics
import Foundation
import Imaging
import Testing

@Suite struct AlignmentTests {
  /// A shaded head on white, its mask, and both moved by a known similarity.
  static func pair(_ truth: PlanarTransform, side: Int = 256) -> (
    photo: Raster, photoMask: Mask, render: Raster, renderMask: Mask
  ) {
    let (depth, opacity) = head(side)
    let mask = Mask(opacity)
    let photo = Relief.shade(depth, mask: mask)
    // The render shows at transform(p) what the photo shows at p.
    let inverse = truth.inverse ?? .identity
    let render = inverse.sample(photo, width: side, height: side, background: 1)
    return (photo, mask, render, Mask(inverse.sample(opacity, width: side, height: side)))
  }

  /// The largest distance between the two maps over the head.
  static func error(_ a: PlanarTransform, _ b: PlanarTransform) -> Double {
    [SIMD2(80, 60), SIMD2(176, 60), SIMD2(128, 140), SIMD2(90, 200), SIMD2(170, 200)].map { p in
      let d = a(p) - b(p)
      return (d * d).sum().squareRoot()
    }.max() ?? .infinity
  }

  @Test(arguments: [
    (1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 9, -6), (0.94, 0.0, -4, 3), (1.05, 0.04, 3, 5), (0.97, -0.06, -7, -2),
  ]) func displacedHeadsAreFound(scale: Double, angle: Double, x: Double, y: Double) throws {
    let truth = PlanarTransform.similarity(scale: scale, angle: angle, shift: SIMD2(x, y), about: SIMD2(128, 128))
    let (photo, photoMask, render, renderMask) = Self.pair(truth)
    let coarse = try #require(
      Alignment.align(
        photo: photo, photoMask: photoMask, render: render, renderMask: renderMask, refine: .none))
    #expect(Self.error(coarse.transform, truth) < 6, "silhouette only: \(Self.error(coarse.transform, truth)) px")
    let fine = try #require(
      Alignment.align(photo: photo, photoMask: photoMask, render: render, renderMask: renderMask))
    #expect(Self.error(fine.transform, truth) < 0.5, "refined: \(Self.error(fine.transform, truth)) px")
    #expect((fine.correlation ?? 0) > 0.97)
  }

  @Test func ransacIgnoresWrongPairs() throws {
    let truth = PlanarTransform.similarity(scale: 1.1, angle: 0.2, shift: SIMD2(12, -7))
    var random = SeededRandom(seed: 4)
    let source = (0..<40).map { _ in SIMD2(random.uniform(0, 200), random.uniform(0, 200)) }
    let target = source.enumerated().map { i, p in
      i < 25 ? truth(p) : SIMD2(random.uniform(0, 200), random.uniform(0, 200))
    }
    let found = try #require(Alignment.ransacSimilarity(source, target, seed: 1))
    #expect(found.inlierShare >= 25 / 40.0)
    #expect(Self.error(found.transform, truth) < 2)
    #expect(Alignment.ransacSimilarity([SIMD2(1, 1)], [SIMD2(1, 1)], seed: 1) == nil)
    #expect(Alignment.similarity([SIMD2(1, 1), SIMD2(1, 1)], [SIMD2(0, 0), SIMD2(5, 5)]) == nil)
  }

  @Test func transformsInvert() throws {
    let map = PlanarTransform(a: 1.1, b: 0.2, c: 5, d: -0.1, e: 0.9, f: -3)
    let back = try #require(map.inverse)
    let p = back(map(SIMD2(17, 42)))
    #expect(abs(p.x - 17) < 1e-9 && abs(p.y - 42) < 1e-9)
    #expect(PlanarTransform(a: 1, b: 2, c: 0, d: 2, e: 4, f: 0).inverse == nil)
    let raster = pattern(9, 7, channels: 3, levels: 255)
    #expect(PlanarTransform.identity.sample(raster, width: 9, height: 7) == raster)
  }

  @Test func emptyMasksGiveNothing() {
    let raster = Raster(width: 32, height: 32)
    let empty = Mask(width: 32, height: 32)
    #expect(Alignment.align(photo: raster, photoMask: empty, render: raster, renderMask: empty) == nil)
  }
}
