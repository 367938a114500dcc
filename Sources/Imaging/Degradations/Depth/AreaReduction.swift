/// The average over each block: a renderer's pixel.
public enum AreaReduction: DepthDegradation {
  public static let id = "render"
  public static let title = "render"
  public static let summary = "area average in 16 bits"
  public static let storage = DegradedStorage.bits16

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    Resize.area(map, width: width, height: height)
  }
}
