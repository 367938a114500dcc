/// The second-order degradation of blind restoration (``SecondOrderDegradation``).
public enum SecondOrderPhotoDegradation: PhotoDegradation {
  public static let id = "second_order"
  public static let title = "second order"
  public static let summary = "blur, resize, noise and JPEG twice, then a sinc filter"

  public static func apply(to photo: Raster, settings: SecondOrderDegradation, seed: UInt64) throws -> Raster {
    try settings.apply(to: photo, seed: seed)
  }
}
