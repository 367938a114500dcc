import Foundation

/// Peak signal-to-noise ratio, and its two aggregations over samples; they differ by up to a decibel, so tables name theirs.
public enum PSNR {
  public static func decibels(mse: Double, peak: Double = 1) -> Double {
    -10 * log10(mse / (peak * peak) + 1e-12)
  }
  /// The PSNR of the mean over samples of their mean squared errors ("aggregate MSE").
  public static func ofMeanError(_ mse: [Double], peak: Double = 1) -> Double {
    mse.isEmpty ? .nan : decibels(mse: Statistics.mean(mse), peak: peak)
  }
  /// The mean of the samples' own PSNR.
  public static func meanOfSamples(_ mse: [Double], peak: Double = 1) -> Double {
    Statistics.mean(mse.map { decibels(mse: $0, peak: peak) })
  }
}
