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
    inverse = variances.map { 1 / ($0 + Double(epsilon)).squareRoot() }
    (self.count, self.channels, self.gain) = (count, channels, gain)
    (scale, offset, centre) = (.zeros([lanes]), .zeros([lanes]), .zeros([lanes]))
    for k in 0..<channels {
      scale.data[k] = Float(Double(gain[k]) * inverse[k])
      offset.data[k] = Float(Double(shift[k]) - means[k] * Double(gain[k]) * inverse[k])
      centre.data[k] = mean[k]
    }
  }

  /// What a kernel reads to get the normalised values of `y`.
  func source(_ y: Tensor) -> ck_source {
    var source = y.withSource { $0.pointee }
    (source.scale, source.shift) = (UnsafePointer(scale.data), UnsafePointer(offset.data))
    return source
  }

  /// Moves values of `y`, which nobody has read yet, until the normalised ones lie on the sides that a record in force imposes.
  func alignKinks(_ y: Tensor) {
    guard let kinks = Kinks.active else { return }
    let area = y.h * y.w
    func factors(_ index: Int) -> (Float, Float) {
      let channel = index / area % channels
      return (scale.data[channel], offset.data[channel])
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
      y.data[y.place(of: index)] = value
      return abs(arguments[index] - (value * a + b))
    }
  }

  /// Where a kernel puts the sums that `gradientFactors` needs.
  func statistics(_ y: Tensor, into sums: UnsafeMutablePointer<Double>) -> ck_statistics {
    let source = y.withSource { $0.pointee }
    return ck_statistics(
      x: source.x, xs: source.xs, half: source.half, scale: scale.data, shift: offset.data, mean: centre.data,
      sums: sums)
  }

  /// The sums over the pixels of g = dz where the result is positive, and of g (y - mean), by padded channel; as they were
  /// taken when `dz` was written, if they were.
  func gradientSums(_ dz: Tensor, _ y: Tensor) -> [Double] {
    if let known = dz.statistics, known.of === self { return known.sums }
    var sums = [Double](repeating: 0, count: 2 * y.paddedChannels)
    sums.withUnsafeMutableBufferPointer { buffer in
      var statistics = statistics(y, into: buffer.baseAddress!)  // there are channels
      dz.withSource {
        Kernels.current.gradient_statistics(Kernels.threads, Int64(y.pixels), $0, &statistics)
      }
    }
    return sums
  }

  /// dy = a g + b y + d by channel, with the memory that holds the three.
  func gradientFactors(
    _ sums: [Double]
  ) -> (block: Tensor, a: UnsafePointer<Float>, b: UnsafePointer<Float>, d: UnsafePointer<Float>) {
    let lanes = sums.count / 2
    let block = Tensor.zeros([3, lanes])
    let values = block.data
    for k in 0..<channels {
      let factor = Double(gain[k]) * inverse[k]
      let slope = -factor * sums[lanes + k] * inverse[k] * inverse[k] / Double(count)
      values[k] = Float(factor)
      values[lanes + k] = Float(slope)
      values[2 * lanes + k] = Float(-factor * sums[k] / Double(count) - slope * Double(mean[k]))
    }
    return (block, UnsafePointer(values), UnsafePointer(values + lanes), UnsafePointer(values + 2 * lanes))
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
    let gradient = sums.withUnsafeMutableBufferPointer { buffer in
      var statistics = normalisation.statistics(block, into: buffer.baseAddress!)  // there are channels
      return body(&statistics)
    }
    gradient.statistics = GradientStatistics(of: normalisation, sums: sums)
    return gradient
  }
}
