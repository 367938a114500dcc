import Foundation
import Imaging
import Splats
import Testing

/// The maps in the shared faces come from an independent renderer over the same splats.
@Suite(.enabled(if: SharedData.exists, "needs SHARED_DIR")) struct SharedMapsTests {
  @Test(arguments: ["face_000", "face_007", "face_013", "face_020"])
  func agreesWithAnIndependentRenderer(_ name: String) throws {
    let cloud = try SplatFile.read(SharedData.url("facelift-faces/splats/\(name)/gaussians.ply"))
    let maps = SplatRasteriser().render(cloud, camera: SplatCamera(width: 1024, height: 1024), threads: 2)
    let maximum: [(Raster, String, Float, Float)] = [
      (maps.depth, "depth_maps", 65535, 2), (maps.rgb, "rgb_rendered", 255, 1), (maps.normal, "normal_maps", 255, 1),
      (maps.opacity, "opacity_maps", 255, 1),
    ]
    for (raster, folder, levels, tolerance) in maximum {
      let reference = try ImageFile.read(SharedData.url("facelift-faces/\(folder)/\(name).png")).raster
      let mine = SplatMaps.truncated(raster, levels: levels)
      try #require(mine.channels == reference.channels && mine.width == reference.width)
      var off = 0
      var values = 0
      for i in stride(from: 0, to: mine.pixels.count, by: mine.channels) {
        var worst: Float = 0
        for c in 0..<mine.channels { worst = max(worst, abs(mine.pixels[i + c] - reference.pixels[i + c])) }
        values += 1
        if (worst * levels).rounded() > tolerance { off += 1 }
      }
      #expect(
        Double(off) <= 0.0001 * Double(values), "\(folder): \(off) of \(values) pixels differ by more than \(tolerance)"
      )
    }
  }
}
