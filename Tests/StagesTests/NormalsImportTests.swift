import Basics
import Foundation
import Imaging
import Pipeline
import Stages
import Testing

@Suite struct NormalsImportTests {
  /// Imports the head's own normals after `change`, written by `encoding` at `size`.
  private func importNormals(
    _ parameters: [String: JSON] = [:], encoding: ImageFile.Encoding = .png8, name: String = "png", size: Int? = nil,
    _ change: (inout [Float]) -> Void = { _ in }
  ) async throws -> (result: StageResult, truth: Raster) {
    let runner = try StageRunner()
    let folder = try runner.temporaryFolder()
    var samples: [Sample] = []
    let truth = SyntheticHead(size: 96).maps.normal
    for index in 0..<3 {
      let head = SyntheticHead(size: 96, shift: Double(index - 1) * 0.1)
      samples.append(try runner.cleanMaps("face \(index)", head))
      var normal = head.maps.normal
      for pixel in 0..<(96 * 96) {
        var n = (0..<3).map { normal.pixels[pixel * 3 + $0] * 2 - 1 }
        change(&n)
        for c in 0..<3 { normal.pixels[pixel * 3 + c] = parameters["encoding"] == "signed" ? n[c] : n[c] * 0.5 + 0.5 }
      }
      if let size { normal = Resize.area(normal, width: size, height: size) }
      try ImageFile.encode(normal, as: encoding).write(to: folder.appending(path: "face \(index).\(name)"))
    }
    var all: [String: JSON] = ["folder": .string(folder.path)]
    all.merge(parameters) { _, new in new }
    let maps = StageRunner.artifact("maps", samples: samples)
    return (try await runner.run("normals.import", .object(all), .of(["maps": maps])), truth)
  }

  private func check(_ result: StageResult, _ truth: Raster, tolerance: Float) throws {
    #expect(result.samples("normals").count == 3, "\(result.rejected)")
    let sample = try #require(result.sample("face 1", "normals"))
    #expect(sample.record["source"] == "dsine")
    let image = try #require(sample.files["normal.png"]).image()
    #expect(image.bitDepth == 16)
    for y in stride(from: 30, to: 66, by: 3) {
      for x in stride(from: 34, to: 62, by: 3) {
        for c in 0..<3 { #expect(abs(image.raster[x, y, c] - truth[x, y, c]) < tolerance, "\(x) \(y) \(c)") }
      }
    }
    #expect(abs(image.raster[1, 1, 0] - 0.5) < 1e-4, "the background holds no normal")
  }

  @Test func readsEightSixteenBitsAndFloat() async throws {
    var (result, truth) = try await importNormals()
    try check(result, truth, tolerance: 0.006)
    (result, truth) = try await importNormals(encoding: .png16)
    try check(result, truth, tolerance: 1e-3)
    (result, truth) = try await importNormals(encoding: .tiff16, name: "tif")
    try check(result, truth, tolerance: 1e-3)
    (result, truth) = try await importNormals(["encoding": "signed"], encoding: .tiffFloat, name: "tiff")
    try check(result, truth, tolerance: 1e-3)
  }

  @Test func resizesAndRenormalises() async throws {
    let (result, truth) = try await importNormals(size: 48)
    try check(result, truth, tolerance: 0.02)
  }

  @Test(arguments: [(0, "x"), (1, "y"), (2, "z")])
  func aFlippedAxisIsNamedWithItsRemedyAndTheRemedyWorks(axis: Int, name: String) async throws {
    await #expect {
      _ = try await importNormals { $0[axis] = -$0[axis] }
    } throws: { error in
      let text = "\(error)"
      return text.contains("axis \(name) is flipped") && text.contains("write `flip: [\(name)]`")
    }
    let (result, truth) = try await importNormals(["flip": [.string(name)]]) { $0[axis] = -$0[axis] }
    try check(result, truth, tolerance: 0.006)
    // Turning a right axis round is noticed just the same, and the remedy is to turn nothing.
    await #expect { _ = try await importNormals(["flip": [.string(name)]]) } throws: {
      "\($0)".contains("write `flip: []`")
    }
  }

  @Test func allAxesFlippedAsInTheStudysOwnDepthNormals() async throws {
    await #expect { _ = try await importNormals { $0 = $0.map { -$0 } } } throws: {
      "\($0)".contains("write `flip: [x, y, z]`")
    }
  }

  @Test func permutedAxesAreNamedWithTheirRemedyAndTheRemedyWorks() async throws {
    let swap: (inout [Float]) -> Void = { $0 = [$0[1], $0[2], $0[0]] }
    await #expect { _ = try await importNormals([:], swap) } throws: { error in
      let text = "\(error)"
      return text.contains("axes are permuted") && text.contains("write `axes: [y, z, x]`")
    }
    let (result, truth) = try await importNormals(["axes": ["y", "z", "x"]], swap)
    try check(result, truth, tolerance: 0.006)
  }

  @Test func normalsOfSomethingElseDoNotPass() async throws {
    var random = SeededRandom(seed: 5)
    let noise: (inout [Float]) -> Void = { n in n = n.map { _ in Float(random.uniform(-1, 1)) } }
    await #expect { _ = try await importNormals([:], noise) } throws: { "\($0)".contains("does not correlate") }
  }

  @Test func checkCanBeSwitchedOff() async throws {
    let (result, _) = try await importNormals(["check": false]) { $0[1] = -$0[1] }
    #expect(result.samples("normals").count == 3)
  }

  @Test(.enabled(if: SharedData.isThere, "needs SHARED_DIR/data"))
  func theStandInNormalsFollowTheDepthMaps() async throws {
    let runner = try StageRunner()
    let tiny = SharedData.folder("facelift-faces-tiny")
    let photo = try runner.store(SyntheticHead(size: 32).maps.photo, .png8)
    let photos = StageRunner.artifact(
      "photos", samples: (0..<6).map { Sample(name: "tiny_0\($0)", files: ["photo.png": photo]) })
    let renders = try await runner.run("facelift.ingest", ["folder": .string(tiny.path)], .of(["photos": photos]))
    let maps = try await runner.run("maps.normalize", [:], .of(["renders": try #require(renders.artifacts["maps"])]))
    let folder: JSON = .string(tiny.appending(path: "normal_dsine").path)
    let inputs = [String: [LabelledArtifact]].of(["maps": try #require(maps.artifacts["maps"])])
    let imported = try await runner.run("normals.import", ["folder": folder], inputs)
    #expect(imported.samples("normals").count == 6)
    await #expect { _ = try await runner.run("normals.import", ["folder": folder, "flip": ["y"]], inputs) } throws: {
      "\($0)".contains("axis y is flipped")
    }
  }
}
