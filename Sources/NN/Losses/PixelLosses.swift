import Foundation

// Losses of two tensors of one shape, averaged over all elements unless said otherwise. The gradient flows to the
// prediction only. Results: single numbers.

extension Tensor {
  /// The mean of `value(p - t)`; `derivative` is that of `value`.
  private func meanLoss(
    _ target: Tensor, _ value: @escaping (Float) -> Double, derivative: @escaping (Float) -> Float
  ) -> Tensor {
    precondition(shape == target.shape, "a prediction \(shape) for a target \(target.shape)")
    let (p, t) = (contiguous(), target.contiguous().detached())
    let (ps, ts, count) = (p.data, t.data, self.count)
    let total = Tensor.deterministicSum(count) { value(ps[$0] - ts[$0]) }
    let prediction = p.detached()
    return Tensor([Float(total / Double(count))], []).recorded([p]) { gradient, _ in
      let dp = Tensor.empty(prediction.shape)
      let (ps, ts, target) = (prediction.data, t.data, dp.data)
      let factor = gradient.item / Float(count)
      parallelChunks(count) { range in for i in range { target[i] = factor * derivative(ps[i] - ts[i]) } }
      return [dp]
    }
  }

  /// mean |p - t|; derivative 0 at equality. Parity: losses/l1.
  public func l1Loss(_ target: Tensor) -> Tensor {
    meanLoss(target, { Double(abs($0)) }, derivative: { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 })
  }

  /// mean (p - t)². Parity: losses/mse.
  public func meanSquaredError(_ target: Tensor) -> Tensor {
    meanLoss(target, { Double($0) * Double($0) }, derivative: { 2 * $0 })
  }

  /// d² / (2 beta) for |d| < beta, |d| - beta/2 beyond. Parity: losses/smooth_l1.
  public func smoothL1(_ target: Tensor, beta: Float = 1) -> Tensor {
    meanLoss(
      target, { abs($0) < beta ? 0.5 * Double($0) * Double($0) / Double(beta) : Double(abs($0)) - 0.5 * Double(beta) },
      derivative: { abs($0) < beta ? $0 / beta : $0 > 0 ? 1 : -1 })
  }

  /// mean sqrt((p - t)² + epsilon). Parity: losses/charbonnier_*.
  public func charbonnierLoss(_ target: Tensor, epsilon: Float = 1e-12) -> Tensor {
    meanLoss(
      target, { (Double($0) * Double($0) + Double(epsilon)).squareRoot() },
      derivative: { Float(Double($0) / (Double($0) * Double($0) + Double(epsilon)).squareRoot()) })
  }

  /// 10 / ln 10 times the mean over the images of ln(mean squared error + 1e-8): the PSNR turned round.
  /// Source: NAFNet. Parity: losses/psnr_loss.
  public func psnrLoss(_ target: Tensor) -> Tensor {
    precondition(shape == target.shape, "a prediction \(shape) for a target \(target.shape)")
    let (p, t) = (contiguous(), target.contiguous().detached())
    let (images, each) = (shape[0], count / shape[0])
    let (ps, ts) = (p.data, t.data)
    let errors = (0..<images).map { image in
      Tensor.deterministicSum(each) {
        let d = Double(ps[image * each + $0]) - Double(ts[image * each + $0])
        return d * d
      } / Double(each)
    }
    let scale = 10 / log(10.0)
    let value = scale * errors.reduce(0) { $0 + log($1 + 1e-8) } / Double(images)
    let prediction = p.detached()
    return Tensor([Float(value)], []).recorded([p]) { gradient, _ in
      let dp = Tensor.empty(prediction.shape)
      let (ps, ts, target) = (prediction.data, t.data, dp.data)
      for image in 0..<images {
        let factor = Float(
          Double(gradient.item) * scale * 2 / (Double(images) * Double(each) * (errors[image] + 1e-8)))
        parallelChunks(each) { range in
          for i in range { target[image * each + i] = factor * (ps[image * each + i] - ts[image * each + i]) }
        }
      }
      return [dp]
    }
  }

  /// Half the L1 of the amplitudes plus half the L1 of the phases of the Fourier transforms; the phase difference is not
  /// wrapped. Source: SGNet. Parity: losses/sgnet_frequency.
  public func frequencyLoss(_ target: Tensor) -> Tensor {
    let prediction = realFourier()
    let truth = NN.withoutGradients { target.detached().realFourier() }
    let amplitude = prediction.amplitude().l1Loss(truth.amplitude())
    return amplitude.affine(0.5) + prediction.phase().l1Loss(truth.phase()).affine(0.5)
  }
}
