import Basics
import Foundation
import Splats
import Testing

private func someCloud(_ count: Int, degree: Int) -> GaussianCloud {
  var random = SeededRandom(seed: 4, stream: "cloud/\(degree)")
  func draw() -> Float { Float(random.normal()) }
  var cloud = GaussianCloud(degree: degree)
  for _ in 0..<count {
    cloud.append(
      position: SIMD3(draw(), draw(), draw()), opacityLogit: draw(), logScale: SIMD3(draw(), draw(), draw()),
      rotation: SIMD4(draw(), draw(), draw(), draw()), baseColour: SIMD3(draw(), draw(), draw()),
      rest: (0..<GaussianCloud.restStride(degree: degree)).map { _ in draw() })
  }
  return cloud
}

/// A PLY of two Gaussians with the given header lines and body.
private func ply(_ format: String, _ properties: [String], _ body: Data, count: String = "2") -> Data {
  Data(
    ("ply\nformat \(format) 1.0\ncomment made for a test\nelement vertex \(count)\n"
      + properties.map { "property \($0)\n" }.joined() + "end_header\n").utf8) + body
}

private let plain = [
  "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2",
  "rot_3",
]

private func row(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: " ") + "\n" }

private func failure(_ data: Data) -> SplatFileError? {
  do {
    _ = try SplatFile.read(data, name: "x.ply")
    return nil
  } catch { return error as? SplatFileError }
}

@Suite struct SplatFileTests {
  @Test(arguments: SplatFile.Format.allCases, 0...3)
  func whatIsWrittenReadsBackTheSame(_ format: SplatFile.Format, degree: Int) throws {
    let cloud = someCloud(300, degree: degree)
    #expect(try SplatFile.read(SplatFile.encode(cloud, as: format), name: "x") == cloud)
  }

  @Test func readsAnyOrderExtraPropertiesAndOtherElements() throws {
    let order =
      ["float rot_3", "uchar red", "double x"]
      + plain.reversed().filter { $0 != "x" && $0 != "rot_3" }
      .map { "float \($0)" } + ["int label"]
    let names = order.map { String($0.split(separator: " ")[1]) }
    var text = ""
    for k in 0..<2 { text += row(names.map { name in Float(plain.firstIndex(of: name) ?? 90) + Float(k) / 2 }) }
    let data = Data(
      ("ply\r\nformat ascii 1.0\r\nelement camera 1\r\nproperty float f\r\nelement vertex 2\r\n"
        + order.map { "property \($0)\r\n" }.joined() + "element face 1\r\nproperty list uchar int i\r\nend_header\r\n"
        + "7\r\n" + text + "3 1 2 3\r\n").utf8)
    let cloud = try SplatFile.read(data, name: "x")
    #expect(cloud.positions == [SIMD3(0, 1, 2), SIMD3(0.5, 1.5, 2.5)])
    #expect(cloud.rotations == [SIMD4(10, 11, 12, 13), SIMD4(10.5, 11.5, 12.5, 13.5)])
    #expect(cloud.opacityLogits == [6, 6.5])
    #expect(try SplatReader(data, name: "x").extraProperties == ["red", "label"])
  }

  @Test func damageIsNamedWithItsByte() throws {
    let whole = SplatFile.encode(someCloud(2, degree: 0))
    let header = try #require(whole.range(of: Data("end_header\n".utf8))).upperBound
    let stride = 17 * 4
    // Cut inside the second Gaussian.
    var error = failure(whole.dropLast(10))
    #expect(error?.reason == .truncated)
    #expect(error?.offset == whole.count - 10)
    #expect(error?.description.contains("promises 2 Gaussians, the file ends after 1 whole") == true)
    // Not a number, in `opacity` (tenth value) of the second.
    var bad = whole
    let place = header + stride + 9 * 4
    bad.replaceSubrange(place..<(place + 4), with: [0, 0, 0xc0, 0x7f])
    error = failure(bad)
    #expect(error?.reason == .badValue)
    #expect(error?.offset == place)
    #expect(error?.description.contains("`opacity` of Gaussian 2 of 2 is nan") == true)
    // Absurd counts cost nothing.
    for count in ["9223372036854775807", "99999999999999999999999", "-3", "4000000000"] {
      error = failure(ply("binary_little_endian", plain.map { "float \($0)" }, Data(count: 200), count: count))
      #expect(error?.reason == .truncated || error?.reason == .header, "count \(count)")
    }
    #expect(
      failure(ply("ascii", plain.map { "float \($0)" }, Data(count: 200), count: "99999999"))?.reason == .truncated)
  }

  @Test func headersThatMakeNoSenseAreRefused() {
    let body = Data(count: 2 * 14 * 4)
    let good = plain.map { "float \($0)" }
    #expect(failure(ply("binary_little_endian", good, body)) == nil)
    #expect(failure(ply("binary_little_endian", good.filter { $0 != "float rot_3" }, body))?.reason == .missingProperty)
    #expect(
      failure(ply("binary_little_endian", good.filter { $0 != "float rot_3" }, body))?.detail.contains("`rot_3`")
        == true)
    #expect(failure(ply("binary_little_endian", good + ["float f_rest_0"], body + body))?.reason == .missingProperty)
    #expect(failure(ply("binary_little_endian", good + ["float x"], body + body))?.reason == .header)
    #expect(failure(ply("binary_little_endian", good + ["quad q"], body + body))?.reason == .header)
    #expect(failure(ply("binary_little_endian", good + ["list uchar int i"], body + body))?.reason == .unsupported)
    #expect(failure(ply("binary_middle_endian", good, body))?.reason == .unsupported)
    #expect(failure(ply("binary_little_endian", good, body, count: "0"))?.reason == .empty)
    #expect(failure(Data())?.reason == .empty)
    #expect(failure(Data("plyxyz".utf8))?.reason == .notPly)
    #expect(failure(Data("GIF89a\n".utf8))?.reason == .notPly)
    #expect(failure(Data("ply\nformat ascii 1.0\n".utf8))?.reason == .truncated)
    #expect(
      failure(
        ply("ascii", good, Data((row([Float](repeating: 1, count: 14)) + "1 2 x\n" + "0 0 0 0 0 0 0 0 0 0").utf8)))?
        .reason == .truncated)
    #expect(
      failure(
        ply("ascii", good, Data((row([Float](repeating: 1, count: 14)) + "1 2 x 4 5 6 7 8 9 10 11 12 13 14").utf8)))?
        .description.contains("property `z` of Gaussian 2 of 2 is x") == true)
  }

  /// Counts that pass 64 bits together, though each alone does not.
  @Test func countsThatOverflowAreRefused() {
    for count in ["9223372036854775807", "4611686018427387904", "2147483649"] {
      for properties in ["", "property double a\n"] {
        let before = "element a \(count)\n\(properties)element b \(count)\n\(properties)"
        for format in ["ascii", "binary_little_endian"] {
          let text =
            "ply\nformat \(format) 1.0\n\(before)element vertex 2\n"
            + plain.map { "property float \($0)\n" }.joined() + "end_header\n"
          let error = failure(Data(text.utf8) + Data(count: 200))
          #expect(error?.reason == .header, "\(count) in \(format)")
          #expect(error?.detail.contains("claims \(count) entries") == true)
        }
      }
    }
  }

  @Test func aFileThatIsNotThereSaysSo() {
    #expect(throws: SplatFileError.self) { try SplatFile.read(URL(fileURLWithPath: "/nowhere/at/all.ply")) }
  }

  @Test func piecesJoinToTheWhole() throws {
    let cloud = someCloud(1000, degree: 1)
    var reader = try SplatReader(SplatFile.encode(cloud), name: "x")
    var joined = GaussianCloud(degree: 1)
    var sizes: [Int] = []
    while let piece = try reader.next(300) {
      joined.append(contentsOf: piece)
      sizes.append(piece.count)
    }
    #expect(sizes == [300, 300, 300, 100])
    #expect(joined == cloud)
  }
}

@Suite(.enabled(if: SharedData.exists, "needs SHARED_DIR")) struct SharedSplatFileTests {
  @Test func verifiesTheSharedSplats() throws {
    let summary = try SplatFile.verify(SharedData.url("facelift-faces/splats/face_000/gaussians.ply"))
    #expect(summary.count == 60_000)
    #expect(summary.degree == 3)
    #expect(summary.extraProperties == ["red", "green", "blue"])
    #expect(summary.lowest.z >= -1.3 && summary.highest.z <= 1.5)
    #expect(try SplatFile.verify(SharedData.url("facelift-broken/splats/1 (100)_face/gaussians.ply")).count == 500)
  }

  @Test func refusesTheBrokenOnes() throws {
    func error(_ name: String) -> SplatFileError? {
      do {
        _ = try SplatFile.verify(SharedData.url("facelift-broken/splats/\(name)/gaussians.ply"))
        return nil
      } catch { return error as? SplatFileError }
    }
    #expect(error("ply_missing_property")?.reason == .missingProperty)
    #expect(error("ply_missing_property")?.detail.contains("`rot_3`") == true)
    #expect(error("ply_truncated")?.reason == .truncated)
    #expect(error("ply_truncated")?.description.contains("promises 500 Gaussians, the file ends after 300") == true)
  }
}

/// Where the shared material lies; tests that need it are skipped without it.
enum SharedData {
  static let root = URL(
    fileURLWithPath: ProcessInfo.processInfo.environment["SHARED_DIR"] ?? "../shared", isDirectory: true)
  static func url(_ path: String) -> URL { root.appending(path: "data").appending(path: path) }
  static var exists: Bool { FileManager.default.fileExists(atPath: url("facelift-faces/cameras.json").path) }
}
