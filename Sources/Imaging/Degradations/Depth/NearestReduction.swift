/// The nearest pixel: a sparse depth sensor.
public enum NearestReduction: DepthDegradation {
  public static let id = "nearest"
  public static let title = "nearest"
  public static let summary = "every n-th pixel"
  public static let storage = DegradedStorage.bits16

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    Resize.nearest(map, width: width, height: height)
  }
}
