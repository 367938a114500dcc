// Joining and cutting images along the channels. Joined channels-last parts of multiples of 16 are a recipe and cut ones are
// views: nothing is copied.

extension Tensor {
  /// Images side by side along the channels. Parity: layers/concat_channels.
  public static func concatenated(_ parts: [Tensor]) -> Tensor {
    precondition(
      parts.allSatisfy { $0.rank == 4 && $0.n == parts[0].n && $0.h == parts[0].h && $0.w == parts[0].w },
      "the shapes \(parts.map(\.shape)) cannot be joined along the channels")
    let counts = parts.map(\.c)
    let channels = counts.reduce(0, +)
    let shape = [parts[0].n, channels, parts[0].h, parts[0].w]
    let result: Tensor
    if parts.allSatisfy({ !$0.isContiguous && $0.c % 16 == 0 }) {
      result = Tensor(shape: shape, recipe: .joined(parts.map { $0.detached() }))
    } else if parts.allSatisfy(\.isContiguous) && channels < 16 {
      result = .empty(shape)
      var start = 0
      let area = shape[2] * shape[3]
      for part in parts {
        for image in 0..<shape[0] {
          (result.data + (image * channels + start) * area).update(
            from: part.data + image * part.c * area, count: part.c * area)
        }
        start += part.c
      }
    } else {
      result = .emptyChannelsLast(shape)
      let stride = result.pixelStride
      let images = parts.map { $0.channelsLast().detached() }
      // Plain pointers: tensors inside the loop would be counted up and down by every thread.
      let sources = images.map { (data: $0.data, stride: $0.pixelStride, channels: $0.c) }
      let target = result.data
      parallelChunks(result.pixels, of: 512) { range in
        for pixel in range {
          var start = pixel * stride
          for source in sources {
            (target + start).update(from: source.data + pixel * source.stride, count: source.channels)
            start += source.channels
          }
          for k in start..<(pixel + 1) * stride { target[k] = 0 }
        }
      }
      withExtendedLifetime(images) {}
    }
    return result.recorded(parts) { gradient, needs in
      var start = 0
      return counts.enumerated().map { index, count in
        defer { start += count }
        return needs[index] ? gradient.channels(start..<start + count) : nil
      }
    }
  }

  /// The one of these joined images that lies at a range of channels.
  private static func part(_ range: Range<Int>, of parts: [Tensor]) -> Tensor? {
    var start = 0
    for part in parts where start <= range.lowerBound {
      if range == start..<start + part.c { return part }
      start += part.c
    }
    return nil
  }

  /// The channels of a range, as images of their own.
  public func channels(_ range: Range<Int>) -> Tensor {
    precondition(rank == 4 && range.lowerBound >= 0 && range.upperBound <= c, "no channels \(range) in \(shape)")
    if range == 0..<c { return self }
    let shape = [n, range.count, h, w]
    let full = self.shape
    let result: Tensor
    if case .joined(let parts)? = pending, let part = Self.part(range, of: parts) {
      result = part.detached()
    } else if case .half(let block)? = pending, range.lowerBound % 16 == 0, range.count % 16 == 0 {
      result = Tensor(shape: shape, recipe: .half(block.from(range.lowerBound)))
    } else if case .channelsLast = layout, range.lowerBound % 16 == 0, range.count % 16 == 0 {
      result = Tensor(shape: shape, layout: layout, storage: storage, offset: offset + range.lowerBound)
    } else if case .channelsLast(let stride) = layout {
      result = .emptyChannelsLast(shape)
      let (from, to, lanes) = (data + range.lowerBound, result.data, result.pixelStride)
      parallelChunks(pixels, of: 1024) { chunk in
        for pixel in chunk {
          let target = to + pixel * lanes
          target.update(from: from + pixel * stride, count: range.count)
          for k in range.count..<lanes { target[k] = 0 }
        }
      }
    } else {
      let source = contiguous()
      result = .empty(shape)
      let area = h * w
      for image in 0..<n {
        (result.data + image * range.count * area).update(
          from: source.data + (image * c + range.lowerBound) * area, count: range.count * area)
      }
    }
    return result.recorded([self]) { gradient, _ in
      var parts: [Tensor] = []
      if range.lowerBound > 0 { parts.append(.zeros([full[0], range.lowerBound, full[2], full[3]])) }
      parts.append(gradient)
      if range.upperBound < full[1] { parts.append(.zeros([full[0], full[1] - range.upperBound, full[2], full[3]])) }
      return [Tensor.concatenated(parts)]
    }
  }
}
