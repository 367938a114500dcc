import Imaging

/// The maps of one view of a splat scene, as floats in the study's conventions.
public struct SplatMaps: Sendable {
  /// `[h, w, 3]`, RGB on white.
  public var rgb: Raster
  /// `[h, w, 1]`: alpha-blended `1 - (z - near) / (far - near)` on black, so 1 is nearest and 0 the background.
  public var depth: Raster
  /// `[h, w, 3]`: camera-space normals (z < 0 towards the camera) as n * 0.5 + 0.5, on 0.5.
  public var normal: Raster
  /// `[h, w, 1]`: 1 - transmittance.
  public var opacity: Raster
  /// Camera z that depth 1 and depth 0 stand for; world units.
  public var near: Float
  public var far: Float

  /// Values cut (not rounded) to multiples of 1 / `levels`, as the study's exporter quantises: `floor(v * levels) / levels`.
  public static func truncated(_ raster: Raster, levels: Float) -> Raster {
    var result = raster
    for i in result.pixels.indices {
      result.pixels[i] = (max(0, min(1, result.pixels[i])) * levels).rounded(.down) / levels
    }
    return result
  }
}
