import Basics
import CKernels

/// relu((y - mean) / sqrt(variance + epsilon) * gain + shift) by channel on channels-last memory, and its gradient through
/// the statistics of the batch.
final class ChannelNormalisation {
  let mean: [Float]
  let variance: [Float]
  private let channels: Int
  private let count: Int
  private let gain: [Float]
  private let inverse: [Double]
  /// y * scale + offset, padded.
  private let scale: Tensor
  private let offset: Tensor
  private let centre: Tensor

  /// - Parameter sums: of y and of its square by padded channel.
  init(sums: [Double], count: Int, channels: Int, gain: [Float], shift: [Float], epsilon: Float) {
    let lanes = sums.count / 2
    let means = (0..<channels).map { sums[$0] / Double(count) }
    let variances = (0..<channels).map { max(0, sums[lanes + $0] / Double(count) - means[$0] * means[$0]) }
    mean = means.map { Float($0) }
    variance = variances.map { Float($0) }
    let inverse = variances.map { 1 / ($0 + Double(epsilon)).squareRoot() }
    self.inverse = inverse
    (self.count, self.channels, self.gain) = (count, channels, gain)
    func padded(_ values: [Float]) -> Tensor {
      Tensor(values + [Float](repeating: 0, count: lanes - channels), [lanes])
    }
    scale = padded((0..<channels).map { Float(Double(gain[$0]) * inverse[$0]) })
    offset = padded(
      (0..<channels).map { Float(Double(shift[$0]) - means[$0] * Double(gain[$0]) * inverse[$0]) })
    centre = padded(means.map { Float($0) })
  }

  /// The normalised values of `y` as a kernel reads them.
  func source(_ y: Tensor, in memory: inout LentMemory) -> ck_source {
    var source = memory.source(y)
    (source.scale, source.shift) = (memory.read(scale), memory.read(offset))
    return source
  }

  /// Moves values of `y`, which nobody has read yet, until the normalised ones lie on the sides that a record in force imposes.
  func alignKinks(_ y: Tensor) {
    guard let kinks = Kinks.active else { return }
    let (area, scales, offsets) = (y.h * y.w, scale.values, offset.values)
    func factors(_ index: Int) -> (Float, Float) {
      let channel = index / area % channels
      return (scales[channel], offsets[channel])
    }
    let arguments = y.values.enumerated().map { index, value in value * factors(index).0 + factors(index).1 }
    let sides = arguments.map { Kinks.Kind.zero.side($0) }
    kinks.align(sides, magnitude: Kinks.magnitude(arguments)) { index, side in
      let (a, b) = factors(index)
      precondition(a != 0, "a normalisation with the factor 0 has one side")
      // Kernels multiply and add with or without a rounding between.
      func isThere(_ value: Float) -> Bool {
        Kinks.Kind.zero.side(value * a + b) == side && Kinks.Kind.zero.side(b.addingProduct(value, a)) == side
      }
      var value = -b / a
      while !isThere(value) { value = (a > 0) == (side == 1) ? value.nextUp : value.nextDown }
      y.writer[y.place(of: index)] = value
      return abs(arguments[index] - (value * a + b))
    }
  }

  /// Where a kernel puts the sums that `gradientFactors` needs.
  func statistics(
    _ y: Tensor, into sums: UnsafeMutablePointer<Double>, in memory: inout LentMemory
  ) -> ck_statistics {
    let source = memory.source(y)
    return ck_statistics(
      x: source.x, xs: source.xs, half: source.half, scale: memory.read(scale),
      shift: memory.read(offset),
      mean: memory.read(centre), sums: sums)
  }

  /// The sums over the pixels of g = dz where the result is positive, and of g (y - mean), by padded channel; as they were
  /// taken when `dz` was written, if they were.
  func gradientSums(_ dz: Tensor, _ y: Tensor) -> [Double] {
    if let known = dz.statistics, known.of === self { return known.sums }
    var sums = [Double](repeating: 0, count: 2 * y.paddedChannels)
    sums.withWriter { sums in
      Kernels.run { kernels, memory in
        var statistics = statistics(y, into: sums.pointer, in: &memory)
        var source = memory.source(dz)
        kernels.gradient_statistics(Kernels.threads, Int64(y.pixels), &source, &statistics)
      }
    }
    return sums
  }

  /// dy = a g + b y + d by channel: [3, padded channels] of a, b and d.
  func gradientFactors(_ sums: [Double]) -> Tensor {
    let lanes = sums.count / 2
    let block = Tensor.zeros([3, lanes])
    let values = block.writer
    for k in 0..<channels {
      let factor = Double(gain[k]) * inverse[k]
      let slope = -factor * sums[lanes + k] * inverse[k] * inverse[k] / Double(count)
      values[k] = Float(factor)
      values[lanes + k] = Float(slope)
      values[2 * lanes + k] = Float(-factor * sums[k] / Double(count) - slope * Double(mean[k]))
    }
    return block
  }

  /// The gradients of gain and shift.
  func parameterGradients(_ sums: [Double]) -> (gain: Tensor, shift: Tensor) {
    let lanes = sums.count / 2
    return (
      Tensor((0..<channels).map { Float(sums[lanes + $0] * inverse[$0]) }, [channels]),
      Tensor((0..<channels).map { Float(sums[$0]) }, [channels])
    )
  }
}

/// Sums over a gradient that the backward pass of the normalisation `of` needs.
struct GradientStatistics {
  let of: ChannelNormalisation
  let sums: [Double]
}

extension Tensor {
  /// The normalisation whose result this is, as long as it is not stored.
  var pendingNormalisation: (block: Tensor, normalisation: ChannelNormalisation)? {
    if case .normalised(let block, let normalisation)? = pending { return (block, normalisation) }
    return nil
  }

  /// Calls `body` with a place for the statistics of the gradient of this tensor, when it is a pending normalisation,
  /// and leaves them with the gradient that `body` returns.
  func collectingStatistics(_ body: (UnsafePointer<ck_statistics>?) -> Tensor) -> Tensor {
    guard let (block, normalisation) = pendingNormalisation else { return body(nil) }
    var sums = [Double](repeating: 0, count: 2 * block.paddedChannels)
    let gradient = sums.withWriter { sums in
      Kernels.run { _, memory in
        var statistics = normalisation.statistics(block, into: sums.pointer, in: &memory)
        return body(&statistics)
      }
    }
    gradient.statistics = GradientStatistics(of: normalisation, sums: sums)
    return gradient
  }
}
