import Basics

extension Tensor {
  /// The length of the gradient of each channel, sqrt(dx² + dy² + 1e-6), from central differences without the half, zeros
  /// outside the image. Source: SGNet. Parity: layers/sgnet_gradient_rgb.
  public func gradientMagnitude() -> Tensor {
    let x = contiguous()
    let (planes, height, width, oldShape) = (n * c, h, w, shape)
    let y = Tensor.empty(shape)
    let (from, to) = (x.reader, y.writer)
    /// The vertical and horizontal difference at a pixel.
    @Sendable func differences(_ plane: SharedReader<Float>, _ i: Int, _ j: Int) -> (
      Float, Float
    ) {
      let below = i + 1 < height ? plane[(i + 1) * width + j] : 0
      let above = i > 0 ? plane[(i - 1) * width + j] : 0
      let right = j + 1 < width ? plane[i * width + j + 1] : 0
      let left = j > 0 ? plane[i * width + j - 1] : 0
      return (below - above, right - left)
    }
    parallel(planes) { plane in
      let (source, target) = (from + plane * height * width, to + plane * height * width)
      for i in 0..<height {
        for j in 0..<width {
          let (v, h) = differences(source, i, j)
          target[i * width + j] = (v * v + h * h + 1e-6).squareRoot()
        }
      }
    }
    let (input, output) = (x.detached(), y.detached())
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.zeros(oldShape)
      let (values, lengths, upstream, target) = (input.reader, output.reader, dy.reader, dx.writer)
      parallel(planes) { plane in
        let start = plane * height * width
        let d = target + start
        for i in 0..<height {
          for j in 0..<width {
            let (v, h) = differences(values + start, i, j)
            let factor = upstream[start + i * width + j] / lengths[start + i * width + j]
            if i + 1 < height { d[(i + 1) * width + j] += v * factor }
            if i > 0 { d[(i - 1) * width + j] -= v * factor }
            if j + 1 < width { d[i * width + j + 1] += h * factor }
            if j > 0 { d[i * width + j - 1] -= h * factor }
          }
        }
      }
      return [dx]
    }
  }
}
