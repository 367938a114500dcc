import Basics

extension Tensor {
  /// These values in row-major order without gaps.
  public func contiguous() -> Tensor {
    guard case .channelsLast(let stride) = layout else { return self }
    let (c, h, w) = (self.c, self.h, self.w)
    let result = Tensor.empty(shape)
    let (source, target) = (reader, result.writer)
    parallel(n * h) { row in
      let (image, y) = (row / h, row % h)
      let from = source + row * w * stride
      let to = target + (image * c * h + y) * w
      for x in 0..<w {
        for k in 0..<c { to[k * h * w + x] = from[x * stride + k] }
      }
    }
    return result.recorded([self]) { gradient, _ in [gradient] }
  }

  /// These values with the channels of a pixel side by side; images only.
  public func channelsLast() -> Tensor {
    guard isContiguous else { return self }
    precondition(rank == 4, "channels-last needs the rank 4, not the shape \(shape)")
    let (c, h, w) = (self.c, self.h, self.w)
    let result = Tensor.emptyChannelsLast(shape)
    let stride = result.pixelStride
    let (source, target) = (reader, result.writer)
    parallel(n * h) { row in
      let (image, y) = (row / h, row % h)
      let from = source + (image * c * h + y) * w
      let to = target + row * w * stride
      for x in 0..<w {
        for k in 0..<c { to[x * stride + k] = from[k * h * w + x] }
        for k in c..<stride { to[x * stride + k] = 0 }
      }
    }
    return result.recorded([self]) { gradient, _ in [gradient] }
  }

  /// These values in this layout family without gaps between pixels.
  public func dense() -> Tensor {
    guard case .channelsLast(let stride) = layout, !isDense else { return self }
    let result = Tensor.emptyChannelsLast(shape)
    let width = paddedChannels
    let (source, target) = (reader, result.writer)
    parallelChunks(pixels, of: 1024) { range in
      for pixel in range { (target + pixel * width).update(from: source + pixel * stride, count: width) }
    }
    return result.recorded([self]) { gradient, _ in [gradient] }
  }

  /// Dense and in the layout family of `other`.
  func dense(like other: Tensor) -> Tensor { other.isContiguous ? contiguous() : channelsLast().dense() }

  /// A tensor for a result of this shape and layout family.
  func emptyLike() -> Tensor { isContiguous ? .empty(shape) : .emptyChannelsLast(shape) }

  /// Writes zeros to the channel padding, after an element-wise function that does not keep zero.
  func clearPadding() {
    guard case .channelsLast(let stride) = layout, c % 16 != 0 else { return }
    let (c, end) = (self.c, paddedChannels)
    let target = writer
    parallelChunks(pixels, of: 4096) { range in
      for pixel in range { for k in c..<end { target[pixel * stride + k] = 0 } }
    }
  }

  /// These elements under another shape; contiguous.
  public func reshaped(_ newShape: [Int]) -> Tensor {
    precondition(newShape.reduce(1, *) == count, "the shape \(shape) cannot become \(newShape)")
    let plain = contiguous()
    let old = shape
    return Tensor(shape: newShape, layout: .contiguous, storage: plain.storage, offset: plain.offset)
      .recorded([plain]) { gradient, _ in [gradient.reshaped(old)] }
  }

  /// A copy with the axes in another order: axis `i` of the result is axis `order[i]` of this tensor. Contiguous.
  public func permuted(_ order: [Int]) -> Tensor {
    precondition(order.sorted() == Array(0..<rank), "\(order) is not an order of \(rank) axes")
    let source = contiguous()
    let result = Tensor.empty(order.map { shape[$0] })
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let steps = order.map { strides[$0] }
    let (from, to, newShape) = (source.reader, result.writer, result.shape)
    let inner = newShape.last ?? 1
    let innerStep = steps.last ?? 1
    parallelChunks(max(1, result.count / max(1, inner)), of: 64) { range in
      for row in range {
        var rest = row
        var start = 0
        for axis in stride(from: newShape.count - 2, through: 0, by: -1) {
          start += rest % newShape[axis] * steps[axis]
          rest /= newShape[axis]
        }
        for i in 0..<inner { to[row * inner + i] = from[start + i * innerStep] }
      }
    }
    var inverse = order
    for (i, axis) in order.enumerated() { inverse[axis] = i }
    return result.recorded([source]) { gradient, _ in [gradient.permuted(inverse)] }
  }
}
