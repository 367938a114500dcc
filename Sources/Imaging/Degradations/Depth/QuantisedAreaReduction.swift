/// The average over each block, then 8 bits: the study's own setting. Parity: `image/lr_8bit_big`.
public enum QuantisedAreaReduction: DepthDegradation {
  public static let id = "render_q8"
  public static let title = "render + 8-bit"
  public static let summary = "area average in 8 bits"
  public static let storage = DegradedStorage.bits8

  public static func reduce(_ map: Raster, width: Int, height: Int, noise: DegradationNoise) -> Raster {
    Resize.area(map, width: width, height: height)
  }
}
