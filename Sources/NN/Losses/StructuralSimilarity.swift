import Foundation

extension LossTerm {
  public static let ssim = LossTerm(
    "ssim", "Weight of 1 - SSIM (Gaussian window of 11 px); needs 11 x 11 px.", needs: [.side(11)]
  ) {
    $0.meanOverMask { $0.ssimLoss($1) }
  }
}

extension Tensor {
  /// 1 - mean SSIM with a Gaussian window, 11 x 11, deviation 1.5, no padding, variances divided by the weight sum, values
  /// 0...1. Source: Wang et al., "Image quality assessment", IEEE TIP 2004. Parity: losses/ssim_loss.
  public func ssimLoss(_ target: Tensor) -> Tensor {
    precondition(
      shape == target.shape && h >= 11 && w >= 11, "SSIM needs images of 11 x 11 pixels or more, not \(shape)")
    let planes = [n * c, 1, h, w]
    let x = reshaped(planes)
    let y = target.detached().reshaped(planes)
    let (c1, c2): (Float, Float) = (0.0001, 0.0009)
    let (mx, my) = (x.gaussianWindow(), y.gaussianWindow())
    let (xx, yy, xy) = (mx.squared(), my.squared(), mx * my)
    let varianceX = x.squared().gaussianWindow() - xx
    let varianceY = y.squared().gaussianWindow() - yy
    let covariance = (x * y).gaussianWindow() - xy
    let numerator = xy.affine(2, c1) * covariance.affine(2, c2)
    let denominator = ((xx + yy) + c1) * ((varianceX + varianceY) + c2)
    return (numerator / denominator).mean().affine(-1, 1)
  }

  /// Each plane averaged with the window, valid part only.
  private func gaussianWindow() -> Tensor {
    let line = (0..<11).map { exp(-Double(($0 - 5) * ($0 - 5)) / (2 * 1.5 * 1.5)) }
    let sum = line.reduce(0, +)
    let weights = line.map { Float($0 / sum) }
    return convolved(
      Tensor(weights, [1, 1, 11, 1]), ConvolutionGeometry(kernelHeight: 11, kernelWidth: 1)
    ).convolved(Tensor(weights, [1, 1, 1, 11]), ConvolutionGeometry(kernelHeight: 1, kernelWidth: 11))
  }
}
