import Basics

extension Tensor {
  /// Moves blocks of `factor`² channels into blocks of `factor` x `factor` pixels: [n, c f², h, w] to [n, c, h f, w f].
  /// Channel c f² + i f + j goes to row offset i, column offset j. Parity: layers/pixel_shuffle_*.
  public func pixelShuffled(_ factor: Int) -> Tensor {
    precondition(rank == 4 && c % (factor * factor) == 0, "\(shape) has no \(factor * factor) channels for each output")
    return shuffled(factor).recorded([self]) { gradient, _ in [gradient.unshuffled(factor)] }
  }

  /// The inverse of `pixelShuffled`. Parity: layers/pixel_unshuffle_2.
  public func pixelUnshuffled(_ factor: Int) -> Tensor {
    precondition(rank == 4 && h % factor == 0 && w % factor == 0, "\(shape) is no multiple of \(factor) pixels")
    return unshuffled(factor).recorded([self]) { gradient, _ in [gradient.shuffled(factor)] }
  }

  /// Channels-last stays channels-last; there a pixel's inputs are adjacent.
  private func shuffled(_ factor: Int) -> Tensor {
    let (channels, height, width) = (c / (factor * factor), h, w)
    let area = factor * factor
    let newShape = [n, channels, height * factor, width * factor]
    guard case .channelsLast(let stride) = layout, channels > 1 else {
      let x = contiguous()
      let y = Tensor.empty(newShape)
      let (from, to) = (x.reader, y.writer)
      parallel(n * channels) { plane in
        for i in 0..<factor {
          for j in 0..<factor {
            let source = from + (plane * area + i * factor + j) * height * width
            for row in 0..<height {
              let target = to + ((plane * height + row) * factor + i) * width * factor + j
              for column in 0..<width { target[column * factor] = source[row * width + column] }
            }
          }
        }
      }
      return y
    }
    let y = Tensor.emptyChannelsLast(newShape)
    let lanes = y.pixelStride
    let (from, to) = (reader, y.writer)
    parallel(n * height) { line in
      for column in 0..<width {
        let source = from + (line * width + column) * stride
        for i in 0..<factor {
          for j in 0..<factor {
            let target = to + ((line * factor + i) * width * factor + column * factor + j) * lanes
            for k in 0..<channels { target[k] = source[k * area + i * factor + j] }
            for k in channels..<lanes { target[k] = 0 }
          }
        }
      }
    }
    return y
  }

  private func unshuffled(_ factor: Int) -> Tensor {
    let (channels, height, width) = (c, h / factor, w / factor)
    let area = factor * factor
    let newShape = [n, channels * area, height, width]
    guard case .channelsLast(let stride) = layout else {
      let x = contiguous()
      let y = Tensor.empty(newShape)
      let (from, to) = (x.reader, y.writer)
      parallel(n * channels) { plane in
        for i in 0..<factor {
          for j in 0..<factor {
            let target = to + (plane * area + i * factor + j) * height * width
            for row in 0..<height {
              let source = from + ((plane * height + row) * factor + i) * width * factor + j
              for column in 0..<width { target[row * width + column] = source[column * factor] }
            }
          }
        }
      }
      return y
    }
    let y = Tensor.emptyChannelsLast(newShape)
    let lanes = y.pixelStride
    let (from, to) = (reader, y.writer)
    parallel(n * height) { line in
      for column in 0..<width {
        let target = to + (line * width + column) * lanes
        for i in 0..<factor {
          for j in 0..<factor {
            let source = from + ((line * factor + i) * width * factor + column * factor + j) * stride
            for k in 0..<channels { target[k * area + i * factor + j] = source[k] }
          }
        }
        for k in channels * area..<lanes { target[k] = 0 }
      }
    }
    return y
  }
}
