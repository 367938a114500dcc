import Basics

// Sums and products. Both operands have one shape, or the second is broadcast over the pixels: [n or 1, c, 1, 1].

extension Tensor {
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    a.sum(with: b).recorded([a, b]) { gradient, _ in [gradient, gradient] }
  }

  public static func - (a: Tensor, b: Tensor) -> Tensor {
    a.zipped(b) { $0 - $1 }.recorded([a, b]) { gradient, needs in [gradient, needs[1] ? gradient.mapped { -$0 } : nil] }
  }

  /// Element by element.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    let (x, y) = (a.detached(), b.detached())
    return a.zipped(b) { $0 * $1 }.recorded([a, b]) { gradient, needs in
      [needs[0] ? gradient.zipped(y) { $0 * $1 } : nil, needs[1] ? gradient.zipped(x) { $0 * $1 } : nil]
    }
  }

  /// factor * x + offset.
  public func affine(_ factor: Float, _ offset: Float = 0) -> Tensor {
    mapped(keepsZero: offset == 0) { $0 * factor + offset }.recorded([self]) { gradient, _ in
      [gradient.mapped { $0 * factor }]
    }
  }

  public static func * (x: Tensor, factor: Float) -> Tensor { x.affine(factor) }
  public static func + (x: Tensor, offset: Float) -> Tensor { x.affine(1, offset) }

  /// x * factors with one factor for each channel: `factors` is [n, c, 1, 1] or [1, c, 1, 1] (or [c]). Images.
  public func scaledChannels(_ factors: Tensor) -> Tensor {
    precondition(
      rank == 4 && (factors.count == c || factors.count == n * c), "\(factors.shape) factors for the shape \(shape)")
    let x = channelsLast().dense()
    let (images, channels, area, stride) = (n, c, h * w, x.pixelStride)
    let each = factors.count == images * channels && images > 1
    let values = factors.contiguous().detached()
    let lanes = (0..<images * stride).map { i in
      i % stride < channels ? values.reader[(each ? i / stride * channels : 0) + i % stride] : 0
    }
    func scale(_ source: Tensor) -> Tensor {
      let result = source.emptyLike()
      let (from, to) = (source.reader, result.writer)
      parallelChunks(images * area, of: 512) { range in
        for pixel in range {
          let lane = pixel / area * stride
          for k in 0..<stride { to[pixel * stride + k] = from[pixel * stride + k] * lanes[lane + k] }
        }
      }
      return result
    }
    let input = x.detached()
    return scale(x).recorded([x, factors]) { gradient, needs in
      let dy = gradient.dense(like: input)
      guard needs[1] else { return [scale(dy), nil] }
      let sums = (dy * input).channelSums()
      var result = [Float](repeating: 0, count: values.count)
      for image in 0..<images {
        for k in 0..<channels { result[(each ? image * channels : 0) + k] += Float(sums[image * channels + k]) }
      }
      return [needs[0] ? scale(dy) : nil, Tensor(result, values.shape)]
    }
  }

  /// The sum over the pixels of each image and channel, [n][c] in double precision.
  func channelSums() -> [Double] {
    let x = channelsLast()
    let (images, channels, area, stride) = (n, c, h * w, x.pixelStride)
    let size = 1024
    let chunks = (area + size - 1) / size
    var partial = [Double](repeating: 0, count: images * chunks * channels)
    let source = x.reader
    partial.withWriter { sums in
      parallel(images * chunks) { index in
        let (image, chunk) = (index / chunks, index % chunks)
        for pixel in chunk * size..<min(area, (chunk + 1) * size) {
          for k in 0..<channels { sums[index * channels + k] += Double(source[(image * area + pixel) * stride + k]) }
        }
      }
    }
    var result = [Double](repeating: 0, count: images * channels)
    for index in 0..<images * chunks {
      for k in 0..<channels { result[index / chunks * channels + k] += partial[index * channels + k] }
    }
    return result
  }

  /// The sum of all elements, a single number.
  public func sum() -> Tensor {
    let x = dense()
    let source = x.reader
    let total = Tensor.deterministicSum(x.denseCount) { Double(source[$0]) }
    let shape = self.shape
    return Tensor([Float(total)], []).recorded([self]) { gradient, _ in [Tensor.filled(shape, gradient.item)] }
  }

  /// The mean of all elements, a single number.
  public func mean() -> Tensor { sum().affine(1 / Float(count)) }

  /// The mean over the pixels of each image and channel: [n, c, 1, 1]. Parity: layers/adaptive_avg_pool_1.
  public func globalAverage() -> Tensor {
    let (shape, area) = (self.shape, h * w)
    return Tensor(channelSums().map { Float($0 / Double(area)) }, [n, c, 1, 1]).recorded([self]) { gradient, _ in
      let dy = gradient.contiguous()
      let result = Tensor.empty(shape)
      let (from, to) = (dy.reader, result.writer)
      parallel(shape[0] * shape[1]) { index in
        (to + index * area).update(repeating: from[index] / Float(area), count: area)
      }
      return [result]
    }
  }
}
