import Foundation

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

  /// The mean absolute difference of sqrt(Gx² + Gy² + 1e-6). Parity: losses/sobel_magnitude_l1.
  public func sobelMagnitudeL1(_ target: Tensor) -> Tensor {
    func magnitude(_ x: Tensor) -> Tensor {
      let edges = x.reshaped([x.n * x.c, 1, x.h, x.w]).sobel()
      return (edges.channels(0..<1).squared() + edges.channels(1..<2).squared()).squareRoot(epsilon: 1e-6)
    }
    return magnitude(self).l1Loss(NN.withoutGradients { magnitude(target.detached()) })
  }

  /// Normals of a depth map [n, 1, h, w] to [n, 3, h, w]: (dz/dx f, dz/dy f, 1) to unit length, forward differences with a
  /// zero last column and row, f = w / (2 tan(field of view / 2)), field of view in degrees.
  /// Parity: losses/normal_from_depth_cosine__face.
  public func normalsFromDepth(fieldOfView: Double) -> Tensor {
    precondition(rank == 4 && c == 1, "normals come from one depth channel, not \(shape)")
    let (height, width) = (h, w)
    let focal = Float(Double(width) / (2 * tan(fieldOfView * .pi / 360)))
    func shifted(_ dy: Int, _ dx: Int) -> Tensor {
      let map = GatherMap(height: height, width: width, newHeight: height, newWidth: width) { y, x in
        (min(y + dy, height - 1), min(x + dx, width - 1))
      }
      return gathered(map, planes: n, shape: shape)
    }
    let dx = (shifted(0, 1) - self).affine(focal)
    let dy = (shifted(1, 0) - self).affine(focal)
    return Tensor.concatenated([dx, dy, .filled(shape, 1)]).normalisedOverChannels()
  }
}
