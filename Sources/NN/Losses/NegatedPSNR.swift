import Basics
import Foundation

extension LossTerm {
  public static let psnr = LossTerm("psnr", "Weight of the PSNR in dB turned round, as NAFNet is trained.") {
    $0.masked.psnrLoss($0.batch.target)
  }
}

extension Tensor {
  /// 10 / ln 10 times the mean over the images of ln(mean squared error + 1e-8): the PSNR turned round.
  /// Source: NAFNet. Parity: losses/psnr_loss.
  public func psnrLoss(_ target: Tensor) -> Tensor {
    precondition(shape == target.shape, "a prediction \(shape) for a target \(target.shape)")
    let (p, t) = (contiguous(), target.contiguous().detached())
    let (images, each) = (shape[0], count / shape[0])
    let (ps, ts) = (p.reader, t.reader)
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
      let (ps, ts, target) = (prediction.reader, t.reader, dp.writer)
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
}
