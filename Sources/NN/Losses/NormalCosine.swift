import Basics

extension LossTerm {
  /// A network that predicts normals gives them as `normals`.
  public static let normals = LossTerm(
    "normals", "Weight of 1 - cosine of the predicted normals.", needs: [.normalsOfTheTruth, .output(.normals)]
  ) { input in
    try input(.normals).normalCosineLoss(input.normalsOfTheTruth(), mask: input.batch.mask)
  }
}

extension Tensor {
  /// sum((1 - dot(p, t)) m) / sum(m) over unit normals [n, 3, h, w]; neither is normalised here.
  /// Parity: losses/normal_cosine__*.
  public func normalCosineLoss(_ target: Tensor, mask: Tensor?) -> Tensor {
    precondition(shape == target.shape, "normals of shapes \(shape) and \(target.shape)")
    let (p, t, m) = (contiguous(), target.contiguous().detached(), mask?.contiguous().detached())
    precondition(m.map { $0.count == pixels } ?? true, "a mask of another size than \(shape)")
    let (channels, height, width, area) = (c, h, w, h * w)
    let (ps, ts, ms) = (p.reader, t.reader, m?.reader)
    let sums = rowSums(n * height, 2) { row, sums in
      let (image, y) = (row / height, row % height)
      for x in 0..<width {
        var dot: Float = 0
        for k in 0..<channels {
          let i = (image * channels + k) * area + y * width + x
          dot += ps[i] * ts[i]
        }
        let weight = ms?[row * width + x] ?? 1
        sums[0] += Double((1 - dot) * weight)
        sums[1] += Double(weight)
      }
    }
    let total = max(sums[1], leastWeight)
    let shape = self.shape
    return Tensor([Float(sums[0] / total)], []).recorded([p]) { gradient, _ in
      let dp = Tensor.empty(shape)
      let (ts, ms, target) = (t.reader, m?.reader, dp.writer)
      let factor = Float(-Double(gradient.item) / total)
      parallelChunks(dp.count) { range in
        for i in range { target[i] = factor * ts[i] * (ms?[i / (area * channels) * area + i % area] ?? 1) }
      }
      return [dp]
    }
  }
}
