import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

/// Alignment measured: heads whose render was displaced by a known transform.
@Suite struct RendersAlignTests {
  static let size = 256

  /// Corners of the face in photo pixels, over which errors are counted.
  static let probes = [SIMD2(90.0, 90), SIMD2(166, 90), SIMD2(128, 128), SIMD2(100, 170), SIMD2(156, 170)]

  static func displacement(_ index: Int) -> PlanarTransform {
    let moves: [(Double, Double, Double, Double)] = [
      (1.0, 0, 6, -4), (0.96, 0.03, -5, 3), (1.04, -0.05, 4, 6), (1.02, 0.08, -7, -3),
    ]
    let (scale, angle, x, y) = moves[index % moves.count]
    return .similarity(scale: scale, angle: angle, shift: SIMD2(x, y), about: SIMD2(128, 128))
  }

  /// Splat renders and photos of made-up heads; `truth` maps photo pixels to render pixels.
  static func samples(
    _ runner: StageRunner, count: Int, displaced: Bool = true
  ) async throws -> [(sample: Sample, truth: PlanarTransform)] {
    let made = try await runner.run(
      "heads.synthesize", ["count": .int(count), "size": .int(size), "gaussians": 60000, "seed": 5])
    let files = try #require(made.artifacts["folder"]).files
    return try made.samples("photos").enumerated().map { index, photo in
      let truth = displaced ? displacement(index) : .identity
      let back = try #require(truth.inverse)
      func map(_ folder: String, _ background: Float, _ encoding: ImageFile.Encoding) throws -> StoredFile {
        let raster = try #require(files["\(folder)/\(photo.name).png"]).image().raster
        return try runner.store(
          back.sample(raster, width: size, height: size, background: background), encoding)
      }
      let sample = Sample(
        name: photo.name,
        files: [
          "photo.png": try #require(photo.files["photo.png"]), "depth.png": try map("depth_maps", 0, .png16),
          "rgb.png": try map("rgb_rendered", 1, .png8), "opacity.png": try map("opacity_maps", 0, .png8),
          "normal.png": try map("normal_maps", 0.5, .png8),
        ], record: ["width": .int(size)])
      return (sample, truth)
    }
  }

  static func transform(_ record: [String: JSON]) throws -> PlanarTransform {
    let m = try #require(record["align_matrix"]?.arrayValue).compactMap(\.doubleValue)
    return PlanarTransform(a: m[0], b: m[1], c: m[2], d: m[3], e: m[4], f: m[5])
  }

  static func error(_ found: PlanarTransform, _ truth: PlanarTransform) -> Double {
    probes.map { p in
      let d = found(p) - truth(p)
      return (d * d).sum().squareRoot()
    }.max() ?? .infinity
  }

  private func align(
    _ runner: StageRunner, _ samples: [Sample], _ parameters: JSON = [:]
  ) async throws -> StageResult {
    try await runner.run(
      "renders.align", parameters, .of(["renders": StageRunner.artifact("renders", samples: samples)]))
  }

  @Test func displacedHeadsAreBroughtBack() async throws {
    let runner = try StageRunner()
    let all = try await Self.samples(runner, count: 8)
    var errors: [String: [Double]] = [:]
    for refine in ["none", "head", "face"] {
      let result = try await align(runner, all.map(\.sample), ["refine": .string(refine)])
      #expect(result.rejected.isEmpty, "\(result.rejected)")
      for (sample, truth) in all {
        let record = try #require(result.sample(sample.name, "renders")?.record)
        errors[refine, default: []].append(Self.error(try Self.transform(record), truth))
        #expect(record["width"] == .int(Self.size), "facts of the render stay")
      }
    }
    let (coarse, fine) = (try #require(errors["none"]), try #require(errors["head"]))
    let text = "key points \(coarse), head \(fine), face \(errors["face"] ?? [])"
    print("alignment error in px at \(Self.size): \(text)")
    #expect(Statistics.percentile(coarse, 50) < 7, "\(text)")
    #expect(Statistics.percentile(fine, 50) < 2.5 && (fine.max() ?? 9) < 3, "\(text)")
  }

  @Test func mapsMoveWithThePicture() async throws {
    let runner = try StageRunner()
    let still = try await Self.samples(runner, count: 2, displaced: false)
    let moved = try await Self.samples(runner, count: 2)
    let result = try await align(runner, moved.map(\.sample))
    for (sample, _) in still {
      let expected = try #require(sample.files["depth.png"]).image().raster
      let found = try #require(result.sample(sample.name, "renders")?.files["depth.png"]).image()
      #expect(found.bitDepth == 16)
      let before = try #require(moved.first { $0.sample.name == sample.name }?.sample.files["depth.png"]).image().raster
      func difference(_ raster: Raster) -> Double {
        Statistics.mean(zip(raster.pixels, expected.pixels).map { Double(abs($0 - $1)) })
      }
      #expect(difference(found.raster) < 0.5 * difference(before))
    }
  }

  @Test func landmarksAreTakenWhereGiven() async throws {
    let runner = try StageRunner()
    let all = try await Self.samples(runner, count: 2)
    let folder = try runner.temporaryFolder()
    for (index, item) in all.enumerated() {
      var text = "photo_x,photo_y,render_x,render_y\n"
      for (n, p) in Self.probes.enumerated() {
        // One pair of five is wrong; RANSAC leaves it out.
        let q = item.truth(p) + (n == index ? SIMD2(60, 40) : .zero)
        text += "\(p.x),\(p.y),\(q.x),\(q.y)\n"
      }
      try Data(text.utf8).write(to: folder.appending(path: "\(item.sample.name).csv"))
    }
    let result = try await align(
      runner, all.map(\.sample), ["landmarks": .string(folder.path), "refine": "none", "tolerance": 2])
    for (sample, truth) in all {
      let record = try #require(result.sample(sample.name, "renders")?.record)
      #expect(Self.error(try Self.transform(record), truth) < 1e-4)
      #expect(record["align_inliers"] == 0.8)
    }
    try Data("photo_x,photo_y\n1,2\n".utf8).write(to: folder.appending(path: "\(all[0].sample.name).csv"))
    let bad = try await align(runner, [all[0].sample], ["landmarks": .string(folder.path)])
    #expect(bad.rejected.values.first?.contains("no column `render_x`") == true)
  }

  @Test func otherHeadsAndLargeMovesAreRefused() async throws {
    let runner = try StageRunner()
    var sample = try await Self.samples(runner, count: 1)[0].sample
    let far = try await align(runner, [sample], ["max_move": 0.001])
    #expect(far.rejected.values.first?.contains("more than `max_move`") == true)
    sample.files["photo.png"] = try runner.store(Raster(width: 64, height: 64, channels: 3, repeating: 1), .png8)
    let white = try await align(runner, [sample])
    #expect(white.rejected.values.first?.contains("too little in common") == true)
  }

  @Test func whatIsAlignedIsPassedOnUntouched() async throws {
    let runner = try StageRunner()
    let still = try await Self.samples(runner, count: 1, displaced: false)[0].sample
    let result = try await align(runner, [still], ["min_move": 100, "max_move": 10])
    let found = try #require(result.sample(still.name, "renders"))
    #expect(found.files.mapValues(\.digest) == still.files.mapValues(\.digest))
    #expect(found.record["align_moved_px"]?.doubleValue == 0)
  }
}
