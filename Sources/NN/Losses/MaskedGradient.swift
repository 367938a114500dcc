import Basics

extension LossTerm {
  public static let gradient = LossTerm("gradient", "Weight of the masked gradient loss.", standard: 0.5) {
    $0.prediction.maskedGradientL1($0.target, mask: $0.mask)
  }
}

extension Tensor {
  /// Mean absolute difference of the forward differences in x, plus the same in y; a difference counts with the product of
  /// its two mask values, and each direction has its own sum of weights. Parity: losses/masked_gradient__*.
  public func maskedGradientL1(_ target: Tensor, mask: Tensor?) -> Tensor {
    let (p, t, m) = lossPlanes(target, mask)
    let (height, width, rows) = (h, w, n * h)
    let (ps, ts, ms) = (p.reader, t.reader, m?.reader)
    let sums = rowSums(rows, 4) { row, sums in
      let start = row * width
      for i in start..<start + width {
        let error = ps[i] - ts[i]
        let weight = ms?[i] ?? 1
        if i + 1 < start + width {
          let both = weight * (ms?[i + 1] ?? 1)
          sums[0] += Double(abs((ps[i + 1] - ts[i + 1]) - error) * both)
          sums[1] += Double(both)
        }
        if row % height + 1 < height {
          let both = weight * (ms?[i + width] ?? 1)
          sums[2] += Double(abs((ps[i + width] - ts[i + width]) - error) * both)
          sums[3] += Double(both)
        }
      }
    }
    let (across, down) = (max(sums[1], leastWeight), max(sums[3], leastWeight))
    let prediction = p.detached()
    return Tensor([Float(sums[0] / across + sums[2] / down)], []).recorded([p]) { gradient, _ in
      let dp = Tensor.empty(prediction.shape)
      let (ps, ts, ms, target) = (prediction.reader, t.reader, m?.reader, dp.writer)
      let (fx, fy) = (Float(Double(gradient.item) / across), Float(Double(gradient.item) / down))
      parallelChunks(rows, of: 16) { range in
        for row in range {
          let start = row * width
          let (above, below) = (row % height > 0, row % height + 1 < height)
          for i in start..<start + width {
            let error = ps[i] - ts[i]
            var sum: Float = 0
            if i > start { sum += fx * sign(error - (ps[i - 1] - ts[i - 1])) * (ms?[i - 1] ?? 1) }
            if i + 1 < start + width { sum -= fx * sign((ps[i + 1] - ts[i + 1]) - error) * (ms?[i + 1] ?? 1) }
            if above { sum += fy * sign(error - (ps[i - width] - ts[i - width])) * (ms?[i - width] ?? 1) }
            if below { sum -= fy * sign((ps[i + width] - ts[i + width]) - error) * (ms?[i + width] ?? 1) }
            target[i] = sum * (ms?[i] ?? 1)
          }
        }
      }
      return [dp]
    }
  }

  /// Masked L1 plus `gradientWeight` times the masked gradient loss. Parity: losses/depth_loss__*.
  public func depthLoss(_ target: Tensor, mask: Tensor?, gradientWeight: Float) -> Tensor {
    let difference = maskedL1(target, mask: mask)
    return gradientWeight == 0
      ? difference : difference + maskedGradientL1(target, mask: mask).affine(gradientWeight)
  }
}
