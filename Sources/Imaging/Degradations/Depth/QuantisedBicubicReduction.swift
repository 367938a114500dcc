/// Bicubic reduction, then 8 bits.
public enum QuantisedBicubicReduction: DepthDegradation {
  public static let id = "bicubic_q8"
  public static let title = "bicubic + 8-bit"
  public static let summary = "bicubic in 8 bits"
  public static let storage = DegradedStorage.bits8

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    Resize.cubic(map, width: width, height: height)
  }
}
