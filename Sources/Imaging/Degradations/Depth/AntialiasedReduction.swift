/// Antialiased bicubic reduction (a = -0.5) in float, as the papers on guided depth super-resolution reduce their maps. It
/// overshoots 0...1 at steps, and the measure of the papers keeps that.
public enum AntialiasedReduction: DepthDegradation {
  public static let id = "bicubic_antialiased"
  public static let title = "bicubic (antialiased)"
  public static let summary =
    "bicubic (a = -0.5, antialiased) in float, as papers on guided depth super-resolution reduce their maps"
  public static let storage = DegradedStorage.float

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    Resize.cubicAntialiased(map, width: width, height: height)
  }
}
