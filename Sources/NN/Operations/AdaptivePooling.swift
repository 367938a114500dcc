import Basics

extension Tensor {
  /// The mean of each bin: rows floor(i h / height) ..< ceil((i + 1) h / height), columns alike.
  /// Parity: layers/adaptive_avg_pool_3x2.
  public func adaptiveAverage(height: Int, width: Int) -> Tensor {
    let x = contiguous()
    let (oldShape, h, w) = (shape, self.h, self.w)
    let y = Tensor.empty([n, c, height, width])
    let (from, to) = (x.reader, y.writer)
    @Sendable func bin(_ i: Int, _ size: Int, _ bins: Int) -> Range<Int> {
      i * size / bins..<((i + 1) * size + bins - 1) / bins
    }
    parallel(n * c) { plane in
      for i in 0..<height {
        for j in 0..<width {
          let (rows, columns) = (bin(i, h, height), bin(j, w, width))
          var sum: Float = 0
          for row in rows { for column in columns { sum += from[(plane * h + row) * w + column] } }
          to[(plane * height + i) * width + j] = sum / Float(rows.count * columns.count)
        }
      }
    }
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.zeros(oldShape)
      let (upstream, target) = (dy.reader, dx.writer)
      parallel(oldShape[0] * oldShape[1]) { plane in
        for i in 0..<height {
          for j in 0..<width {
            let (rows, columns) = (bin(i, h, height), bin(j, w, width))
            let part = upstream[(plane * height + i) * width + j] / Float(rows.count * columns.count)
            for row in rows { for column in columns { target[(plane * h + row) * w + column] += part } }
          }
        }
      }
      return [dx]
    }
  }

  /// The largest value of each image and channel, [n, c, 1, 1]; the gradient goes to the first of equal values.
  /// Parity: layers/adaptive_max_pool_1.
  public func globalMaximum() -> Tensor {
    let x = contiguous()
    let (oldShape, area, planes) = (shape, h * w, n * c)
    let y = Tensor.empty([n, c, 1, 1])
    let (from, to) = (x.reader, y.writer)
    var places = [Int](repeating: 0, count: planes)
    for plane in 0..<planes {
      let source = from + plane * area
      for i in 0..<area where source[i] > source[places[plane]] { places[plane] = i }
      to[plane] = source[places[plane]]
    }
    return y.recorded([x]) { [places] gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.zeros(oldShape)
      for plane in 0..<planes { dx.writer[plane * area + places[plane]] = dy.reader[plane] }
      return [dx]
    }
  }

  /// The standard deviation over the pixels of each image and channel (divided by their number), [n, c, 1, 1].
  /// Parity: layers/sgnet_stdv_channels.
  public func channelDeviation() -> Tensor {
    let x = contiguous()
    let (oldShape, area, planes) = (shape, h * w, n * c)
    let y = Tensor.empty([n, c, 1, 1])
    let means = Tensor.empty([planes])
    let (from, to, centres) = (x.reader, y.writer, means.writer)
    parallel(planes) { plane in
      let source = from + plane * area
      var sum = 0.0
      for i in 0..<area { sum += Double(source[i]) }
      let mean = sum / Double(area)
      var squares = 0.0
      for i in 0..<area { squares += (Double(source[i]) - mean) * (Double(source[i]) - mean) }
      to[plane] = Float((squares / Double(area)).squareRoot())
      centres[plane] = Float(mean)
    }
    let (input, output) = (x.detached(), y.detached())
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.empty(oldShape)
      let (values, upstream, target) = (input.reader, dy.reader, dx.writer)
      let (deviations, centres) = (output.reader, means.reader)
      parallel(planes) { plane in
        let factor = upstream[plane] / (Float(area) * deviations[plane])
        for i in plane * area..<(plane + 1) * area {
          target[i] = (values[i] - centres[plane]) * factor
        }
      }
      return [dx]
    }
  }
}
