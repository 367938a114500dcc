import Basics
import Foundation

/// The figures of a validation: means over the validation examples.
public struct ValidationResult: Sendable, Hashable {
  /// Masked L1.
  public var l1: Double
  /// PSNR in dB of the masked squared error, predictions limited to 0...1.
  public var psnr: Double
  /// PSNR of the `scales` that a network predicts on its way, by name, against area averages of the truth.
  public var scales: [String: Double]
}

extension Trainer {
  /// Validates the averaged weights where there are any, else the weights; nil without validation examples.
  public func validate() throws -> ValidationResult? {
    guard validation.count > 0 else { return nil }
    network.setTraining(false)
    defer { network.setTraining(true) }
    var result = ValidationResult(l1: 0, psnr: 0, scales: [:])
    let count = Double(validation.count)
    try withAverage {
      for index in 0..<validation.count {
        var sample = try validation.load(index)
        if let side = configuration.validationPatch { sample = sample.centre(side) }
        let batch = try Batch([sample])
        NN.withoutGradients {
          let output = network(batch.input)
          let mask = batch.mask.map { $0.repeatedPlanes(output.image.c) }
          result.l1 += Double(output.image.planes.maskedL1(batch.target.planes, mask: mask).item)
          result.psnr += Self.psnr(output.image, batch.target, batch.mask) / count
          for scale in output[.scales] ?? [] {
            func small(_ x: Tensor) -> Tensor { x.averaged(height: scale.map.h, width: scale.map.w) }
            let value = Self.psnr(scale.map, small(batch.target), batch.mask.map(small))
            result.scales[scale.name, default: 0] += value / count
          }
        }
      }
    }
    result.l1 /= count
    return result
  }

  /// PSNR for the value range 1; at most 120 dB, as evaluation has it.
  private static func psnr(_ prediction: Tensor, _ target: Tensor, _ mask: Tensor?) -> Double {
    let (p, t, m) = (prediction.contiguous(), target.contiguous(), mask?.contiguous())
    let (area, channels) = (p.h * p.w, p.c)
    let (ps, ts, ms) = (p.reader, t.reader, m?.reader)
    @Sendable func weight(_ i: Int) -> Double {
      Double(ms?[i / (area * channels) * area + i % area] ?? 1)
    }
    let errors = Tensor.deterministicSum(p.count) { i in
      let d = Double(min(max(ps[i], 0), 1)) - Double(ts[i])
      return d * d * weight(i)
    }
    let total = m == nil ? Double(p.count) : Tensor.deterministicSum(p.count) { weight($0) }
    return -10 * log10(errors / max(total, 1e-6) + 1e-12)
  }
}
