import Basics
import CKernels

extension Tensor {
  /// The largest of each 2x2 block; odd last rows and columns are dropped. The gradient goes to the first of equal values
  /// in row-major order. Parity: layers/maxpool2x2*.
  public func maxPooled2x2() -> Tensor {
    let x = channelsLast().alignedInBlocks()
    let sizes = (Int64(n), Int64(h), Int64(w))
    let place = ImagePlace([n, c, h / 2, w / 2], half: x.isReadAsHalf)
    Kernels.run { kernels, memory in
      var source = memory.source(x)
      kernels.max_pool(Kernels.threads, sizes.0, sizes.1, sizes.2, &source, memory.write(place))
    }
    let y = place.tensor
    let input = x.kept()
    return y.recorded(x) { gradient, existing in
      let dy = gradient.channelsLast()
      let before = existing?.channelsLast()
      // A dropped row or column keeps what is there; that case goes through float32.
      let isOdd = sizes.1 % 2 == 1 || sizes.2 % 2 == 1
      let input = isOdd ? input.inFloat32() : input
      let half = input.isReadAsHalf
      let dx = ImagePlace(input.shape, half: half)
      let (upstream, existing) = (dy.stored(half: half), before?.stored(half: half))
      func write(_ statistics: UnsafePointer<ck_statistics>?) -> Tensor {
        Kernels.run { kernels, memory in
          var source = memory.source(input)
          let (up, before) = (
            memory.stored(upstream, half: half), existing.map { memory.stored($0, half: half) }
          )
          kernels.max_pool_backward(
            Kernels.threads, sizes.0, sizes.1, sizes.2, &source, up.pointer, up.stride,
            before?.pointer,
            before?.stride ?? 0, memory.write(dx), dx.stride, statistics)
        }
        return dx.tensor
      }
      guard isOdd else { return input.collectingStatistics(write) }
      if let before {
        dx.tensor.fill(with: before)
      } else {
        dx.tensor.writer.update(repeating: 0, count: dx.tensor.denseCount)
      }
      return write(nil)
    }
  }

  /// These values with the largest of each 2x2 block where a record in force has it; normally just these values.
  private func alignedInBlocks() -> Tensor {
    guard let kinks = Kinks.active else { return self }
    let (values, rows, columns) = (self.values, h / 2, w / 2)
    func place(_ block: Int, _ i: Int32) -> Int {
      let (line, column) = (block / columns, block % columns)
      return (line / rows * h + line % rows * 2 + Int(i) / 2) * w + column * 2 + Int(i) % 2
    }
    let choices = (0..<n * c * rows * columns).map { block in
      (1..<4).reduce(Int32(0)) { values[place(block, $1)] > values[place(block, $0)] ? $1 : $0 }
    }
    var moves: [(index: Int, value: Float)] = []
    kinks.align(choices, magnitude: Kinks.magnitude(values)) { block, choice in
      let (largest, index) = (values[place(block, choices[block])], place(block, choice))
      // The first of equal ones is taken.
      moves.append((index, choice > choices[block] ? largest.nextUp : largest))
      return largest - values[index]
    }
    return replacing(moves)
  }

  /// These values made and stored in float32.
  private func inFloat32() -> Tensor {
    Tensor(shape: shape, layout: layout, storage: storage, offset: offset)
  }

  private func fill(with other: Tensor) {
    for pixel in 0..<pixels {
      (writer + pixel * pixelStride).update(
        from: other.reader + pixel * other.pixelStride, count: paddedChannels)
    }
  }
}
