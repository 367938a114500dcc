import Basics

extension Tensor {
  /// The first half of the channels times the second half. Parity: layers/simple_gate.
  public func simpleGate() -> Tensor {
    precondition(rank == 4 && c % 2 == 0, "a gate needs an even number of channels, not \(shape)")
    let x = channelsLast()
    let (half, stride, pixels) = (c / 2, x.pixelStride, self.pixels)
    let y = Tensor.emptyChannelsLast([n, half, h, w])
    let lanes = y.pixelStride
    let (from, to) = (x.reader, y.writer)
    parallelChunks(pixels, of: 512) { range in
      for pixel in range {
        let (source, target) = (from + pixel * stride, to + pixel * lanes)
        for k in 0..<half { target[k] = source[k] * source[half + k] }
        for k in half..<lanes { target[k] = 0 }
      }
    }
    let input = x.detached()
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.channelsLast()
      let dx = Tensor.emptyChannelsLast(input.shape)
      let (values, upstream, target) = (input.reader, dy.reader, dx.writer)
      let (upstreamStride, outputStride) = (dy.pixelStride, dx.pixelStride)
      parallelChunks(pixels, of: 512) { range in
        for pixel in range {
          let (v, g, d) = (values + pixel * stride, upstream + pixel * upstreamStride, target + pixel * outputStride)
          for k in 0..<half {
            d[k] = g[k] * v[half + k]
            d[half + k] = g[k] * v[k]
          }
          for k in 2 * half..<outputStride { d[k] = 0 }
        }
      }
      return [dx]
    }
  }
}
