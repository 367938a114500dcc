extension LossTerm {
  public static let sobel = LossTerm("sobel", "Weight of the L1 of the Sobel responses.") {
    $0.meanOverMask { $0.sobelL1($1) }
  }
}

extension Tensor {
  /// Sobel responses of each channel, zeros outside: x response, then y response of every channel, [n, 2 c, h, w].
  /// Kernel [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]] and its transpose, cross-correlation, unscaled.
  public func sobel() -> Tensor {
    let (images, channels, height, width) = (n, c, h, w)
    let planes = reshaped([images * channels, 1, height, width])
    let kernels = Tensor([-1, 0, 1, -2, 0, 2, -1, 0, 1, -1, -2, -1, 0, 0, 0, 1, 2, 1], [2, 1, 3, 3])
    return planes.convolved(kernels, ConvolutionGeometry(kernel: 3, padding: 1))
      .reshaped([images, 2 * channels, height, width])
  }

  /// The mean absolute difference of the Sobel responses. Parity: losses/sobel_edge_l1.
  public func sobelL1(_ target: Tensor) -> Tensor { sobel().l1Loss(NN.withoutGradients { target.detached().sobel() }) }
}
