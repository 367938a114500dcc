import Basics

extension Tensor {
  /// Each pixel divided by max(its length over channels, epsilon). Parity: layers/l2_normalize_channel.
  public func normalisedOverChannels(epsilon: Float = 1e-12) -> Tensor {
    let x = channelsLast()
    let (channels, stride, pixels) = (c, x.pixelStride, self.pixels)
    let y = Tensor.emptyChannelsLast(shape)
    let lanes = y.pixelStride
    let lengths = Tensor.empty([pixels])
    let (from, to, length) = (x.reader, y.writer, lengths.writer)
    parallelChunks(pixels, of: 4096) { range in
      for pixel in range {
        var sum: Float = 0
        for k in 0..<channels { sum += from[pixel * stride + k] * from[pixel * stride + k] }
        length[pixel] = sum.squareRoot()
        let factor = 1 / max(length[pixel], epsilon)
        for k in 0..<lanes { to[pixel * lanes + k] = from[pixel * stride + k] * factor }
      }
    }
    let output = y.detached()
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.channelsLast()
      let dx = Tensor.emptyChannelsLast(output.shape)
      let (ys, upstream, target, step) = (output.reader, dy.reader, dx.writer, dy.pixelStride)
      let length = lengths.reader
      parallelChunks(pixels, of: 4096) { range in
        for pixel in range {
          let factor = 1 / max(length[pixel], epsilon)
          var dot: Float = 0
          // Below epsilon the divisor is a constant and nothing is projected out.
          if length[pixel] > epsilon {
            for k in 0..<channels { dot += ys[pixel * lanes + k] * upstream[pixel * step + k] }
          }
          for k in 0..<lanes {
            target[pixel * lanes + k] = (upstream[pixel * step + k] - dot * ys[pixel * lanes + k]) * factor
          }
        }
      }
      return [dx]
    }
  }
}
