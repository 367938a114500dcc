import Basics

extension LossTerm {
  /// Parity: losses/masked_l1__*.
  public static let l1 = LossTerm("l1", "Weight of the masked L1.", standard: 1) {
    $0.prediction.maskedL1($0.target, mask: $0.mask)
  }
}

extension Tensor {
  /// sum(|p - t| m) / sum(m). Parity: losses/masked_l1__*.
  public func maskedL1(_ target: Tensor, mask: Tensor?) -> Tensor {
    let (p, t, m) = lossPlanes(target, mask)
    let (width, rows) = (w, n * h)
    let (ps, ts, ms) = (p.reader, t.reader, m?.reader)
    let sums = rowSums(rows, 2) { row, sums in
      for i in row * width..<(row + 1) * width {
        let weight = ms?[i] ?? 1
        sums[0] += Double(abs(ps[i] - ts[i]) * weight)
        sums[1] += Double(weight)
      }
    }
    let total = max(sums[1], leastWeight)
    let prediction = p.detached()
    return Tensor([Float(sums[0] / total)], []).recorded([p]) { gradient, _ in
      let dp = Tensor.empty(prediction.shape)
      let (ps, ts, ms, target) = (prediction.reader, t.reader, m?.reader, dp.writer)
      let factor = Float(Double(gradient.item) / total)
      parallelChunks(prediction.count) { range in
        for i in range { target[i] = factor * sign(ps[i] - ts[i]) * (ms?[i] ?? 1) }
      }
      return [dp]
    }
  }
}
