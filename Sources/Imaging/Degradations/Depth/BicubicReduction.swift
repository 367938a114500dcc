/// OpenCV's bicubic reduction (a = -0.75, no antialiasing).
public enum BicubicReduction: DepthDegradation {
  public static let id = "bicubic"
  public static let title = "bicubic"
  public static let summary = "bicubic (a = -0.75, no antialiasing) in 16 bits"
  public static let storage = DegradedStorage.bits16

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    Resize.cubic(map, width: width, height: height)
  }
}
