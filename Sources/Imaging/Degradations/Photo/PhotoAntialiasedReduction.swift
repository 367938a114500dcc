/// Antialiased bicubic reduction (a = -0.5), as Pillow and MATLAB reduce.
public enum PhotoAntialiasedReduction: PhotoDegradation {
  public static let id = "bicubic_antialiased"
  public static let title = "bicubic (antialiased)"
  public static let summary = "bicubic (a = -0.5, antialiased)"

  public static func apply(to photo: Raster, settings: SecondOrderDegradation, seed: UInt64) throws -> Raster {
    Resize.cubicAntialiased(photo, width: photo.width / settings.scale, height: photo.height / settings.scale)
  }
}
