/// OpenCV's bicubic reduction (a = -0.75, no antialiasing).
public enum PhotoBicubicReduction: PhotoDegradation {
  public static let id = "bicubic"
  public static let title = "bicubic"
  public static let summary = "bicubic (a = -0.75, no antialiasing)"

  public static func apply(to photo: Raster, settings: SecondOrderDegradation, seed: UInt64) throws -> Raster {
    Resize.cubic(photo, width: photo.width / settings.scale, height: photo.height / settings.scale)
  }
}
