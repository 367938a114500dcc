extension LossTerm {
  public static let sobelMagnitude = LossTerm(
    "sobel_magnitude", "Weight of the L1 of the lengths of the Sobel gradients."
  ) {
    $0.meanOverMask { $0.sobelMagnitudeL1($1) }
  }
}

extension Tensor {
  /// The mean absolute difference of sqrt(Gx² + Gy² + 1e-6). Parity: losses/sobel_magnitude_l1.
  public func sobelMagnitudeL1(_ target: Tensor) -> Tensor {
    func magnitude(_ x: Tensor) -> Tensor {
      let edges = x.reshaped([x.n * x.c, 1, x.h, x.w]).sobel()
      return (edges.channels(0..<1).squared() + edges.channels(1..<2).squared()).squareRoot(epsilon: 1e-6)
    }
    return magnitude(self).l1Loss(NN.withoutGradients { magnitude(target.detached()) })
  }
}
