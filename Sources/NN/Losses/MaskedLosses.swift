// Losses over the pixels of a mask. Sums run over the whole batch, not per image; a sum of weights counts as at least 1e-6.
// Shapes: prediction and target [n, c, h, w], mask [n, 1, h, w] with weights 0...1, or nil for all ones. Results: single
// numbers. The gradient flows to the prediction only.

private let leastWeight = 1e-6

/// Sums of `terms` values for each image row, added in row order.
private func rowSums(_ rows: Int, _ terms: Int, _ body: (Int, UnsafeMutablePointer<Double>) -> Void) -> [Double] {
  var partial = [Double](repeating: 0, count: rows * terms)
  partial.withUnsafeMutableBufferPointer { buffer in
    nonisolated(unsafe) let base = buffer.baseAddress!  // rows * terms > 0
    parallelChunks(rows, of: 16) { range in for row in range { body(row, base + row * terms) } }
  }
  return (0..<terms).map { term in
    var sum = 0.0
    for row in 0..<rows { sum += partial[row * terms + term] }
    return sum
  }
}

private func sign(_ value: Float) -> Float { value > 0 ? 1 : value < 0 ? -1 : 0 }

extension Tensor {
  /// sum(|p - t| m) / sum(m). Parity: losses/masked_l1__*.
  public func maskedL1(_ target: Tensor, mask: Tensor?) -> Tensor {
    let (p, t, m) = lossPlanes(target, mask)
    let (width, rows) = (w, n * h)
    let (ps, ts, ms) = (p.data, t.data, m?.data)
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
      let (ps, ts, ms, target) = (prediction.data, t.data, m?.data, dp.data)
      let factor = Float(Double(gradient.item) / total)
      parallelChunks(prediction.count) { range in
        for i in range { target[i] = factor * sign(ps[i] - ts[i]) * (ms?[i] ?? 1) }
      }
      return [dp]
    }
  }

  /// Mean absolute difference of the forward differences in x, plus the same in y; a difference counts with the product of
  /// its two mask values, and each direction has its own sum of weights. Parity: losses/masked_gradient__*.
  public func maskedGradientL1(_ target: Tensor, mask: Tensor?) -> Tensor {
    let (p, t, m) = lossPlanes(target, mask)
    let (height, width, rows) = (h, w, n * h)
    let (ps, ts, ms) = (p.data, t.data, m?.data)
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
      let (ps, ts, ms, target) = (prediction.data, t.data, m?.data, dp.data)
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

  /// sum((1 - dot(p, t)) m) / sum(m) over unit normals [n, 3, h, w]; neither is normalised here.
  /// Parity: losses/normal_cosine__*.
  public func normalCosineLoss(_ target: Tensor, mask: Tensor?) -> Tensor {
    precondition(shape == target.shape, "normals of shapes \(shape) and \(target.shape)")
    let (p, t, m) = (contiguous(), target.contiguous().detached(), mask?.contiguous().detached())
    precondition(m.map { $0.count == pixels } ?? true, "a mask of another size than \(shape)")
    let (channels, height, width, area) = (c, h, w, h * w)
    let (ps, ts, ms) = (p.data, t.data, m?.data)
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
      let (ts, ms, target) = (t.data, m?.data, dp.data)
      let factor = Float(-Double(gradient.item) / total)
      parallelChunks(dp.count) { range in
        for i in range { target[i] = factor * ts[i] * (ms?[i / (area * channels) * area + i % area] ?? 1) }
      }
      return [dp]
    }
  }

  private func lossPlanes(_ target: Tensor, _ mask: Tensor?) -> (Tensor, Tensor, Tensor?) {
    precondition(rank == 4 && c == 1 && shape == target.shape, "a prediction \(shape) for a target \(target.shape)")
    precondition(mask.map { $0.shape == shape } ?? true, "a mask of another shape than \(shape)")
    return (contiguous(), target.contiguous().detached(), mask?.contiguous().detached())
  }
}
