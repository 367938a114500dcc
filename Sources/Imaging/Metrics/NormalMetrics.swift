import Foundation

/// Angles between predicted and true normals, in degrees.
public struct NormalMetrics: Hashable, Sendable {
  public let mean: Double
  public let median: Double
  public let rmse: Double
  /// Shares of the pixels within 11.25, 22.5 and 30 degrees.
  public let within: [Double]
  public let count: Int

  /// Pixels without a normal on either side (length below 0.5) do not count. nil when none does.
  public static func compute(prediction: Raster, truth: Raster, mask: Mask? = nil) -> NormalMetrics? {
    precondition(
      prediction.width == truth.width && prediction.height == truth.height && prediction.channels == 3
        && truth.channels == 3, "prediction and truth differ in size")
    var angles: [Double] = []
    for i in 0..<truth.width * truth.height where mask.map({ $0.bits[i] != 0 }) ?? true {
      func vector(_ raster: Raster) -> SIMD3<Double> {
        SIMD3(Double(raster.pixels[3 * i]), Double(raster.pixels[3 * i + 1]), Double(raster.pixels[3 * i + 2]))
      }
      let (a, b) = (vector(prediction), vector(truth))
      let lengths = ((a * a).sum() * (b * b).sum()).squareRoot()
      if (a * a).sum() < 0.25 || (b * b).sum() < 0.25 { continue }
      angles.append(acos(max(-1, min((a * b).sum() / lengths, 1))) * 180 / .pi)
    }
    if angles.isEmpty { return nil }
    let n = Double(angles.count)
    return NormalMetrics(
      mean: Statistics.mean(angles), median: Statistics.percentile(angles, 50),
      rmse: (angles.reduce(0) { $0 + $1 * $1 } / n).squareRoot(),
      within: [11.25, 22.5, 30].map { limit in Double(angles.filter { $0 < limit }.count) / n }, count: angles.count)
  }
}
