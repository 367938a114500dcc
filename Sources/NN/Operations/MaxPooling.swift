import CKernels

extension Tensor {
  /// The largest of each 2x2 block; odd last rows and columns are dropped. The gradient goes to the first of equal values
  /// in row-major order. Parity: layers/maxpool2x2*.
  public func maxPooled2x2() -> Tensor {
    let x = channelsLast()
    let y = Tensor.emptyChannelsLast([n, c, h / 2, w / 2])
    let sizes = (Int64(n), Int64(h), Int64(w))
    x.withSource { FastConvolution.kernels.max_pool(FastConvolution.threads, sizes.0, sizes.1, sizes.2, $0, y.data) }
    let input = x.kept()
    return y.recorded(x) { gradient, existing in
      let dy = gradient.channelsLast()
      let before = existing?.channelsLast()
      let dx = Tensor.emptyChannelsLast(input.shape)
      func write(_ statistics: UnsafePointer<ck_statistics>?) -> Tensor {
        input.withSource { source in
          FastConvolution.kernels.max_pool_backward(
            FastConvolution.threads, sizes.0, sizes.1, sizes.2, source, dy.data, Int64(dy.pixelStride), before?.data,
            Int64(before?.pixelStride ?? 0), dx.data, Int64(dx.pixelStride), statistics)
        }
        return dx
      }
      guard sizes.1 % 2 == 1 || sizes.2 % 2 == 1 else { return input.collectingStatistics(write) }
      // The dropped row and column keep what is there.
      if let before { dx.fill(with: before) } else { dx.data.update(repeating: 0, count: dx.denseCount) }
      return write(nil)
    }
  }

  private func fill(with other: Tensor) {
    for pixel in 0..<pixels {
      (data + pixel * pixelStride).update(from: other.data + pixel * other.pixelStride, count: paddedChannels)
    }
  }
}
