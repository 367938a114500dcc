extension Tensor {
  /// The largest of each 2x2 block; odd last rows and columns are dropped. The gradient goes to the first of equal values
  /// in row-major order. Parity: layers/maxpool2x2*.
  public func maxPooled2x2() -> Tensor {
    let x = channelsLast()
    let (images, height, width, stride) = (n, h, w, x.pixelStride)
    let (oh, ow) = (height / 2, width / 2)
    let y = Tensor.emptyChannelsLast([images, c, oh, ow])
    let lanes = y.pixelStride
    let (from, to) = (x.data, y.data)
    parallel(images * oh) { row in
      let (image, oy) = (row / oh, row % oh)
      for ox in 0..<ow {
        let top = from + ((image * height + 2 * oy) * width + 2 * ox) * stride
        let bottom = top + width * stride
        let out = to + (row * ow + ox) * lanes
        for k in 0..<lanes { out[k] = max(max(top[k], top[stride + k]), max(bottom[k], bottom[stride + k])) }
      }
    }
    let input = x.detached()
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.channelsLast()
      let dx = Tensor.emptyChannelsLast(input.shape)
      if height % 2 == 1 || width % 2 == 1 { dx.data.update(repeating: 0, count: dx.denseCount) }
      let (xs, upstream, target, upstreamStride) = (input.data, dy.data, dx.data, dy.pixelStride)
      parallel(images * oh) { row in
        let (image, oy) = (row / oh, row % oh)
        for ox in 0..<ow {
          let pixel = (image * height + 2 * oy) * width + 2 * ox
          let places = (pixel, pixel + 1, pixel + width, pixel + width + 1)
          let g = upstream + (row * ow + ox) * upstreamStride
          for k in 0..<lanes {
            let (a, b) = (xs[places.0 * stride + k], xs[places.1 * stride + k])
            let (d, e) = (xs[places.2 * stride + k], xs[places.3 * stride + k])
            let best = max(max(a, b), max(d, e))
            let first = a == best ? 0 : b == best ? 1 : d == best ? 2 : 3
            target[places.0 * lanes + k] = first == 0 ? g[k] : 0
            target[places.1 * lanes + k] = first == 1 ? g[k] : 0
            target[places.2 * lanes + k] = first == 2 ? g[k] : 0
            target[places.3 * lanes + k] = first == 3 ? g[k] : 0
          }
        }
      }
      return [dx]
    }
  }
}
