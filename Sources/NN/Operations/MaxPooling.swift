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
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.channelsLast()
      let dx = Tensor.emptyChannelsLast(input.shape)
      if sizes.1 % 2 == 1 || sizes.2 % 2 == 1 { dx.data.update(repeating: 0, count: dx.denseCount) }
      FastConvolution.kernels.max_pool_backward(
        FastConvolution.threads, sizes.0, sizes.1, sizes.2, sizes.3, input.data, Int64(input.pixelStride), dy.data,
        Int64(dy.pixelStride), nil, 0, dx.data, Int64(dx.pixelStride))
      return [dx]
    }
  }
}
