import CKernels

extension Tensor {
  /// The largest of each 2x2 block; odd last rows and columns are dropped. The gradient goes to the first of equal values
  /// in row-major order. Parity: layers/maxpool2x2*.
  public func maxPooled2x2() -> Tensor {
    let x = channelsLast()
    let y = Tensor.emptyChannelsLast([n, c, h / 2, w / 2])
    let sizes = (Int64(n), Int64(h), Int64(w), Int64(y.paddedChannels))
    FastConvolution.kernels.max_pool(
      FastConvolution.threads, sizes.0, sizes.1, sizes.2, sizes.3, x.data, Int64(x.pixelStride), y.data)
    let input = x.detached()
    return y.recorded(x) { gradient, existing in
      let dy = gradient.channelsLast()
      let before = existing?.channelsLast()
      let dx = Tensor.emptyChannelsLast(input.shape)
      if sizes.1 % 2 == 1 || sizes.2 % 2 == 1 {
        // The dropped row and column keep what is there.
        if let before { return dx.filled(with: before).addingPool(input, dy, sizes, before) }
        dx.data.update(repeating: 0, count: dx.denseCount)
      }
      return dx.addingPool(input, dy, sizes, before)
    }
  }

  private func addingPool(
    _ input: Tensor, _ dy: Tensor, _ sizes: (Int64, Int64, Int64, Int64), _ before: Tensor?
  ) -> Tensor {
    FastConvolution.kernels.max_pool_backward(
      FastConvolution.threads, sizes.0, sizes.1, sizes.2, sizes.3, input.data, Int64(input.pixelStride), dy.data,
      Int64(dy.pixelStride), before?.data, Int64(before?.pixelStride ?? 0), data, Int64(pixelStride))
    return self
  }

  private func filled(with other: Tensor) -> Tensor {
    for pixel in 0..<pixels {
      (data + pixel * pixelStride).update(from: other.data + pixel * other.pixelStride, count: paddedChannels)
    }
    return self
  }
}
