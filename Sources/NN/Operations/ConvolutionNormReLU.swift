import CKernels

extension Tensor {
  /// relu(norm(convolution(x))), the step most networks here are made of, as one operation where that is faster:
  /// in training the statistics are taken while the convolution writes its result; in evaluation without gradients the
  /// normalisation disappears into the filters.
  /// - Parameter place: where to write the result, such as a part of `Tensor.sideBySide`; a hint.
  public func convolvedNormalisedReLU(
    _ convolution: Conv2d, _ norm: BatchNorm2d, into place: Tensor? = nil
  ) -> Tensor {
    let form = FastConvolution.form(convolution.weight.shape, convolution.geometry)
    let result: Tensor
    switch form {
    case .winograd?, .singleInput?:
      if norm.isTraining {
        result = convolvedNormalisedInTraining(convolution, norm, form == .singleInput, place)
      } else if NN.recordsGradients {
        return norm(convolution(self)).relu()
      } else {
        result = convolvedNormalisedFolded(convolution, norm, form == .singleInput, place)
      }
    default: return norm(convolution(self)).relu()
    }
    Monitor.observe(result, of: convolution.weight)
    return result
  }

  /// Evaluation: weights times weight / sqrt(variance), bias to match.
  private func convolvedNormalisedFolded(
    _ convolution: Conv2d, _ norm: BatchNorm2d, _ isSingle: Bool, _ place: Tensor?
  ) -> Tensor {
    let fixed = norm.fixedStatistics
    let (gains, shifts) = (norm.weight.value.values, norm.bias.value.values)
    let scale = (0..<gains.count).map { gains[$0] / (fixed.variance[$0] + norm.epsilon).squareRoot() }
    let offsets = convolution.bias?.value.values ?? [Float](repeating: 0, count: gains.count)
    let bias = Tensor((0..<gains.count).map { (offsets[$0] - fixed.mean[$0]) * scale[$0] + shifts[$0] }, [gains.count])
    let weight = convolution.weight.value
    if isSingle {
      return FastConvolution.singleInput(contiguous(), weight, bias: bias, relu: true, scale: scale, into: place).y
    }
    return FastConvolution.winograd(
      channelsLast(), FastConvolution.packWinograd(weight, scale: scale), channels: gains.count,
      epilogue: .init(bias: bias, relu: true), into: place
    ).y
  }

  /// Training. The bias of the convolution shifts the mean and nothing else: its gradient is exactly zero.
  private func convolvedNormalisedInTraining(
    _ convolution: Conv2d, _ norm: BatchNorm2d, _ isSingle: Bool, _ place: Tensor?
  ) -> Tensor {
    let x = isSingle ? contiguous() : channelsLast()
    let weight = convolution.weight.tensor
    let (gain, shift) = (norm.weight.tensor, norm.bias.tensor)
    let filter = weight.detached()
    let (k, c) = (filter.shape[0], filter.shape[1])
    let (y, sums) =
      isSingle
      ? FastConvolution.singleInput(x, filter, wantsSums: true)
      : FastConvolution.winograd(x, FastConvolution.packWinograd(filter), channels: k, wantsSums: true)
    let normalisation = ChannelNormalisation(
      sums: sums, count: y.pixels, channels: k, gain: gain.values, shift: shift.values, epsilon: norm.epsilon)
    norm.follow(
      BatchStatistics(
        mean: zip(normalisation.mean, convolution.bias?.value.values ?? [Float](repeating: 0, count: k)).map {
          $0 + $1
        },
        variance: normalisation.variance, count: y.pixels))
    let z = normalisation.applied(to: y, into: place)
    // The result is one pass away from `y`, which the backward pass needs in any case.
    if place == nil { z.recompute = { normalisation.applied(to: y, into: nil) } }
    let input = Saved(x)
    let biasValue = convolution.bias?.tensor
    return z.recorded([x, weight, gain, shift, biasValue]) { gradient, needs in
      let (dy, dgain, dshift) = normalisation.backward(gradient.channelsLast(), y)
      let dweight =
        isSingle
        ? FastConvolution.singleInputWeightGradient(input.value, dy)
        : FastConvolution.winogradWeightGradient(input.value, dy)
      let dx =
        needs[0]
        ? FastConvolution.winograd(dy, FastConvolution.packWinograd(filter, rotated: true), channels: c).y : nil
      return [dx, needs[1] ? dweight : nil, dgain, dshift, needs[4] ? Tensor.zeros([k]) : nil]
    }
  }
}

/// relu((y - mean) / sqrt(variance + epsilon) * gain + shift) by channel on channels-last memory, and its gradient through
/// the statistics of the batch.
struct ChannelNormalisation {
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
    scale = .zeros([lanes])
    offset = .zeros([lanes])
    centre = .zeros([lanes])
    for k in 0..<channels {
      scale.data[k] = Float(Double(gain[k]) * inverse[k])
      offset.data[k] = Float(Double(shift[k]) - means[k] * Double(gain[k]) * inverse[k])
      centre.data[k] = mean[k]
    }
  }

  private func arguments(_ y: Tensor) -> ck_norm {
    var p = ck_norm()
    (p.pixels, p.c) = (Int64(y.pixels), Int64(y.paddedChannels))
    (p.y, p.ys) = (UnsafePointer(y.data), Int64(y.pixelStride))
    (p.scale, p.shift, p.mean) = (UnsafePointer(scale.data), UnsafePointer(offset.data), UnsafePointer(centre.data))
    p.relu = 1
    return p
  }

  func applied(to y: Tensor, into place: Tensor?) -> Tensor {
    let z = place ?? .emptyChannelsLast(y.shape)
    var p = arguments(y)
    FastConvolution.kernels.norm_forward(FastConvolution.threads, &p, z.data, Int64(z.pixelStride))
    return z
  }

  /// The gradients of y, gain and shift from that of the result.
  func backward(_ dz: Tensor, _ y: Tensor) -> (dy: Tensor, gain: Tensor, shift: Tensor) {
    let lanes = y.paddedChannels
    var p = arguments(y)
    (p.dz, p.dzs) = (UnsafePointer(dz.data), Int64(dz.pixelStride))
    var sums = [Double](repeating: 0, count: 2 * lanes)
    FastConvolution.kernels.norm_sums(FastConvolution.threads, &p, &sums)
    let (a, b, d) = (Tensor.zeros([lanes]), Tensor.zeros([lanes]), Tensor.zeros([lanes]))
    for k in 0..<channels {
      let factor = Double(gain[k]) * inverse[k]
      let slope = -factor * sums[lanes + k] * inverse[k] * inverse[k] / Double(count)
      a.data[k] = Float(factor)
      b.data[k] = Float(slope)
      d.data[k] = Float(-factor * sums[k] / Double(count) - slope * Double(mean[k]))
    }
    let dy = Tensor.emptyChannelsLast(y.shape)
    FastConvolution.kernels.norm_backward(
      FastConvolution.threads, &p, a.data, b.data, d.data, dy.data, Int64(dy.pixelStride))
    return (
      dy, Tensor((0..<channels).map { Float(sums[lanes + $0] * inverse[$0]) }, [channels]),
      Tensor((0..<channels).map { Float(sums[$0]) }, [channels])
    )
  }
}
