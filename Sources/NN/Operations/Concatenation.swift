import Basics

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
      let target = Tensor.empty(shape)
      var start = 0
      let area = shape[2] * shape[3]
      for part in parts {
        for image in 0..<shape[0] {
          (target.writer + (image * channels + start) * area).update(
            from: part.reader + image * part.c * area, count: part.c * area)
        }
        start += part.c
      }
      result = target
    } else {
      let joined = Tensor.emptyChannelsLast(shape)
      let (stride, pixels) = (joined.pixelStride, joined.pixels)
      let images = parts.map { $0.channelsLast().detached() }
      let target = joined.writer
      var first = 0
      for image in images {
        let (source, step, count, start) = (image.reader, image.pixelStride, image.c, first)
        let end = start + count == channels ? stride : start + count
        parallelChunks(pixels, of: 512) { range in
          for pixel in range {
            let place = target + pixel * stride
            (place + start).update(from: source + pixel * step, count: count)
            for k in start + count..<end { place[k] = 0 }
          }
        }
        first += count
      }
      result = joined
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
      let part = Tensor.emptyChannelsLast(shape)
      let (from, to, lanes) = (reader + range.lowerBound, part.writer, part.pixelStride)
      parallelChunks(pixels, of: 1024) { chunk in
        for pixel in chunk {
          let target = to + pixel * lanes
          target.update(from: from + pixel * stride, count: range.count)
          for k in range.count..<lanes { target[k] = 0 }
        }
      }
      result = part
    } else {
      let (source, part) = (contiguous(), Tensor.empty(shape))
      let area = h * w
      for image in 0..<n {
        (part.writer + image * range.count * area).update(
          from: source.reader + (image * c + range.lowerBound) * area, count: range.count * area)
      }
      result = part
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
