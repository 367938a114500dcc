import Basics

// Losses of two tensors of one shape, averaged over all elements. The gradient flows to the prediction only. Results: single
// numbers.

extension Tensor {
  /// The mean of `value(p - t)`; `derivative` is that of `value`.
  func meanLoss(
    _ target: Tensor, _ value: @Sendable (Float) -> Double, derivative: @escaping @Sendable (Float) -> Float
  ) -> Tensor {
    precondition(shape == target.shape, "a prediction \(shape) for a target \(target.shape)")
    let (p, t) = (contiguous(), target.contiguous().detached())
    let (ps, ts, count) = (p.reader, t.reader, self.count)
    let total = Tensor.deterministicSum(count) { value(ps[$0] - ts[$0]) }
    let prediction = p.detached()
    return Tensor([Float(total / Double(count))], []).recorded([p]) { gradient, _ in
      let dp = Tensor.empty(prediction.shape)
      let (ps, ts, target) = (prediction.reader, t.reader, dp.writer)
      let factor = gradient.item / Float(count)
      parallelChunks(count) { range in for i in range { target[i] = factor * derivative(ps[i] - ts[i]) } }
      return [dp]
    }
  }

  /// mean |p - t|; derivative 0 at equality. Parity: losses/l1.
  public func l1Loss(_ target: Tensor) -> Tensor {
    meanLoss(target, { Double(abs($0)) }, derivative: { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 })
  }

  /// d² / (2 beta) for |d| < beta, |d| - beta/2 beyond. Parity: losses/smooth_l1.
  public func smoothL1(_ target: Tensor, beta: Float = 1) -> Tensor {
    meanLoss(
      target, { abs($0) < beta ? 0.5 * Double($0) * Double($0) / Double(beta) : Double(abs($0)) - 0.5 * Double(beta) },
      derivative: { abs($0) < beta ? $0 / beta : $0 > 0 ? 1 : -1 })
  }
}
