import Basics

extension Tensor {
  /// Each row along the last axis to mean 0 and variance 1 (biased), then times weight plus bias.
  /// Parity: layers/layernorm_last.
  public func layerNormalised(weight: Tensor, bias: Tensor, epsilon: Float = 1e-5) -> Tensor {
    let length = shape.last ?? 1
    precondition(weight.count == length && bias.count == length, "\(weight.shape) weights for rows of \(length)")
    let x = contiguous()
    let y = Tensor.empty(shape)
    let rows = LayerNormalisation(rows: count / max(1, length), length: length, stride: length, outputStride: length)
    return rows.apply(x, y, weight, bias, epsilon)
  }

  /// Each pixel's channels to mean 0 and variance 1 (biased), then times weight plus bias; images.
  /// Parity: layers/layernorm2d_channels.
  public func layerNormalisedOverChannels(weight: Tensor, bias: Tensor, epsilon: Float = 1e-6) -> Tensor {
    precondition(weight.count == c && bias.count == c, "\(weight.shape) weights for the shape \(shape)")
    let x = channelsLast()
    let y = Tensor.emptyChannelsLast(shape)
    let rows = LayerNormalisation(rows: pixels, length: c, stride: x.pixelStride, outputStride: y.pixelStride)
    return rows.apply(x, y, weight, bias, epsilon)
  }
}

/// Normalisation of rows of `length` values that lie `stride` apart; what follows a row up to `outputStride` is zero.
private struct LayerNormalisation {
  let rows: Int
  let length: Int
  let stride: Int
  let outputStride: Int

  private static let rowsAtOnce = 256

  func apply(_ x: Tensor, _ y: Tensor, _ weight: Tensor, _ bias: Tensor, _ epsilon: Float) -> Tensor {
    let inverse = Tensor.empty([rows])
    let means = Tensor.empty([rows])
    let (from, to) = (x.reader, y.writer)
    let (w, b) = (weight.contiguous().detached(), bias.contiguous().detached())
    let (scales, offsets, deviations, centres) = (w.reader, b.reader, inverse.writer, means.writer)
    let (length, stride, outputStride) = (length, stride, outputStride)
    parallelChunks(rows, of: Self.rowsAtOnce) { range in
      for row in range {
        let (source, target) = (from + row * stride, to + row * outputStride)
        var sum: Float = 0
        for k in 0..<length { sum += source[k] }
        let mean = sum / Float(length)
        var squares: Float = 0
        for k in 0..<length { squares += (source[k] - mean) * (source[k] - mean) }
        let factor = 1 / (squares / Float(length) + epsilon).squareRoot()
        for k in 0..<length { target[k] = (source[k] - mean) * factor * scales[k] + offsets[k] }
        for k in length..<outputStride { target[k] = 0 }
        deviations[row] = factor
        centres[row] = mean
      }
    }
    let input = x.detached()
    let rows = self
    return y.recorded([x, weight, bias]) { gradient, _ in
      rows.backward(gradient, input, w, means: means, inverse: inverse)
    }
  }

  private func backward(_ gradient: Tensor, _ x: Tensor, _ weight: Tensor, means: Tensor, inverse: Tensor) -> [Tensor] {
    let dy = x.isContiguous ? gradient.contiguous() : gradient.channelsLast()
    let upstreamStride = x.isContiguous ? length : dy.pixelStride
    let dx = x.isContiguous ? Tensor.empty(x.shape) : Tensor.emptyChannelsLast(x.shape)
    let (from, upstream, target) = (x.reader, dy.reader, dx.writer)
    let (scales, centres, factors) = (weight.reader, means.reader, inverse.reader)
    let (rows, length, stride, outputStride) = (rows, length, stride, outputStride)
    let size = Self.rowsAtOnce
    let chunks = (rows + size - 1) / size
    // Sums for weight and bias by chunk, added in the order of the chunks below.
    var partial = [Double](repeating: 0, count: chunks * 2 * length)
    partial.withWriter { sums in
      parallel(chunks) { chunk in
        let weights = sums + chunk * 2 * length
        let biases = weights + length
        for row in chunk * size..<min(rows, (chunk + 1) * size) {
          let (source, g, d) = (from + row * stride, upstream + row * upstreamStride, target + row * outputStride)
          let (mean, factor) = (centres[row], factors[row])
          var sum: Float = 0
          var dot: Float = 0
          for k in 0..<length {
            let normal = (source[k] - mean) * factor
            let part = g[k] * scales[k]
            sum += part
            dot += part * normal
            weights[k] += Double(g[k] * normal)
            biases[k] += Double(g[k])
          }
          sum /= Float(length)
          dot /= Float(length)
          for k in 0..<length {
            d[k] = (g[k] * scales[k] - sum - (source[k] - mean) * factor * dot) * factor
          }
          for k in length..<outputStride { d[k] = 0 }
        }
      }
    }
    var totals = [Double](repeating: 0, count: 2 * length)
    for chunk in 0..<chunks { for k in 0..<2 * length { totals[k] += partial[chunk * 2 * length + k] } }
    let weightGradient = Tensor(totals[..<length].map { Float($0) }, [length])
    return [dx, weightGradient, Tensor(totals[length...].map { Float($0) }, [length])]
  }
}
