/// The average over each block.
public enum PhotoAreaReduction: PhotoDegradation {
  public static let id = "area"
  public static let title = "area"
  public static let summary = "area average"

  public static func apply(to photo: Raster, settings: SecondOrderDegradation, seed: UInt64) throws -> Raster {
    Resize.area(photo, width: photo.width / settings.scale, height: photo.height / settings.scale)
  }
}
