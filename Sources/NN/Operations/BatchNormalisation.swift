import Basics

/// Statistics of a batch, by channel.
struct BatchStatistics {
  var mean: [Float]
  /// Without Bessel's correction.
  var variance: [Float]
  /// Values a statistic was taken over.
  var count: Int
}

extension Tensor {
  /// (x - mean) / sqrt(variance + epsilon) * weight + bias by channel. Images; weight and bias [c].
  ///
  /// With `statistics` nil they are taken from this batch and the gradient flows through them (training); otherwise they
  /// are constants (evaluation). Parity: layers/batchnorm2d_*.
  func batchNormalised(
    weight: Tensor, bias: Tensor, epsilon: Float, fixed statistics: BatchStatistics?
  ) -> (result: Tensor, statistics: BatchStatistics) {
    let x = channelsLast().dense()
    let (channels, stride, pixels) = (c, x.pixelStride, self.pixels)
    let training = statistics == nil
    let used = statistics ?? x.batchStatistics()
    let (scales, shifts) = (weight.values, bias.values)
    let inverse = used.variance.map { 1 / ($0 + epsilon).squareRoot() }
    var factor = [Float](repeating: 0, count: stride)
    var offset = factor
    var mean = factor
    for k in 0..<channels {
      factor[k] = scales[k] * inverse[k]
      (mean[k], offset[k]) = (used.mean[k], shifts[k])
    }
    let y = x.emptyLike()
    if NN.options.convolution == .reference {
      x.normaliseInDouble(used, epsilon, scales, shifts, into: y)
    } else {
      x.normalise(mean, factor, offset, into: y)
    }
    let input = x.detached()
    let result = y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.dense(like: input)
      let (sum, dot) = dy.channelSums(centred: input, mean: used.mean)
      var a = [Float](repeating: 0, count: stride)
      var b = a
      var d = a
      for k in 0..<channels {
        a[k] = scales[k] * inverse[k]
        guard training else { continue }
        let count = Double(pixels)
        b[k] = Float(-Double(a[k]) * dot[k] * Double(inverse[k] * inverse[k]) / count)
        d[k] = Float(-Double(a[k]) * sum[k] / count - Double(b[k]) * Double(used.mean[k]))
      }
      let dx = input.emptyLike()
      let (upstream, xs, target) = (dy.reader, input.reader, dx.writer)
      parallelChunks(pixels, of: 512) { [a, b, d] range in
        for pixel in range {
          for k in 0..<stride {
            let i = pixel * stride + k
            target[i] = a[k] * upstream[i] + b[k] * xs[i] + d[k]
          }
        }
      }
      return [
        dx, Tensor((0..<channels).map { Float(dot[$0] * Double(inverse[$0])) }, [channels]),
        Tensor((0..<channels).map { Float(sum[$0]) }, [channels]),
      ]
    }
    return (result, used)
  }

  /// The definition with every step in double precision.
  private func normaliseInDouble(
    _ statistics: BatchStatistics, _ epsilon: Float, _ scales: [Float], _ shifts: [Float], into target: Tensor
  ) {
    let (from, to, stride, channels) = (reader, target.writer, pixelStride, c)
    let factors = (0..<channels).map {
      Double(scales[$0]) / (Double(statistics.variance[$0]) + Double(epsilon)).squareRoot()
    }
    parallelChunks(pixels, of: 512) { range in
      for pixel in range {
        for k in 0..<channels {
          let centred = Double(from[pixel * stride + k]) - Double(statistics.mean[k])
          to[pixel * stride + k] = Float(centred * factors[k] + Double(shifts[k]))
        }
        for k in channels..<stride { to[pixel * stride + k] = 0 }
      }
    }
  }

  /// (x - mean) factor + offset: the difference first, since a mean may be large beside the deviation.
  private func normalise(_ mean: [Float], _ factor: [Float], _ offset: [Float], into target: Tensor) {
    let (from, to, stride) = (reader, target.writer, pixelStride)
    parallelChunks(pixels, of: 512) { range in
      for pixel in range {
        for k in 0..<stride { to[pixel * stride + k] = (from[pixel * stride + k] - mean[k]) * factor[k] + offset[k] }
      }
    }
  }

  /// Mean and variance of each channel over images and pixels; two passes, sums in double precision.
  func batchStatistics() -> BatchStatistics {
    let (channels, count) = (c, pixels)
    let sums = channelSums()
    let mean = (0..<channels).map { k in (0..<n).reduce(0.0) { $0 + sums[$1 * channels + k] } / Double(count) }
    let (_, squares) = channelSums(centred: self, mean: mean.map { Float($0) }, squared: true)
    return BatchStatistics(
      mean: mean.map { Float($0) }, variance: squares.map { Float($0 / Double(count)) }, count: count)
  }

  /// For each channel the sum of this tensor and the sum of this tensor times (other - mean); `squared` replaces this
  /// tensor by (other - mean) itself.
  func channelSums(centred other: Tensor, mean: [Float], squared: Bool = false) -> (sum: [Double], dot: [Double]) {
    let (a, b) = (channelsLast(), other.channelsLast())
    let (channels, count) = (c, pixels)
    let size = 1024
    let chunks = (count + size - 1) / size
    var partial = [Double](repeating: 0, count: chunks * channels * 2)
    let (x, y, xStride, yStride) = (a.reader, b.reader, a.pixelStride, b.pixelStride)
    partial.withWriter { sums in
      parallel(chunks) { chunk in
        for pixel in chunk * size..<min(count, (chunk + 1) * size) {
          for k in 0..<channels {
            let centred = Double(y[pixel * yStride + k]) - Double(mean[k])
            let value = squared ? centred : Double(x[pixel * xStride + k])
            sums[(chunk * channels + k) * 2] += value
            sums[(chunk * channels + k) * 2 + 1] += value * centred
          }
        }
      }
    }
    var sum = [Double](repeating: 0, count: channels)
    var dot = sum
    for chunk in 0..<chunks {
      for k in 0..<channels {
        sum[k] += partial[(chunk * channels + k) * 2]
        dot[k] += partial[(chunk * channels + k) * 2 + 1]
      }
    }
    return (sum, dot)
  }
}
