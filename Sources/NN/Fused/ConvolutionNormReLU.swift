import Basics
import CKernels

extension Tensor {
  /// relu(norm(convolution(x))), the step most networks here are made of, as one operation where that is faster:
  /// in training the statistics are taken while the convolution writes its result; in evaluation without gradients the
  /// normalisation disappears into the filters.
  public func convolvedNormalisedReLU(_ convolution: Conv2d, _ norm: BatchNorm2d) -> Tensor {
    let form = FastConvolution.form(convolution.weight.shape, convolution.geometry)
    let result: Tensor
    switch form {
    case .winograd?, .singleInput?:
      if norm.isTraining {
        result = convolvedNormalisedInTraining(convolution, norm, form == .singleInput)
      } else if NN.recordsGradients {
        return composedNormalisedReLU(convolution, norm)
      } else {
        result = convolvedNormalisedFolded(convolution, norm, form == .singleInput).y
      }
    default: return composedNormalisedReLU(convolution, norm)
    }
    Monitor.observe(result, of: convolution.weight)
    return result
  }

  /// `convolvedNormalisedReLU` from single operations: its reference.
  package func composedNormalisedReLU(_ convolution: Conv2d, _ norm: BatchNorm2d) -> Tensor {
    norm(convolution(self)).relu()
  }

  /// `convolvedNormalisedReLU` and its `maxPooled2x2`, which in evaluation is made while the result is written.
  public func convolvedNormalisedReLUAndPooled(
    _ convolution: Conv2d, _ norm: BatchNorm2d
  ) -> (whole: Tensor, pooled: Tensor) {
    if canFoldMore(convolution, norm) {
      let (whole, pooled) = convolvedNormalisedFolded(convolution, norm, false, pooling: true)
      if let pooled { return (whole, pooled) }
    }
    let whole = convolvedNormalisedReLU(convolution, norm)
    return (whole, whole.maxPooled2x2())
  }

  /// `convolvedNormalisedReLUAndPooled` from single operations: its reference.
  package func composedNormalisedReLUAndPooled(
    _ convolution: Conv2d, _ norm: BatchNorm2d
  ) -> (whole: Tensor, pooled: Tensor) {
    let whole = composedNormalisedReLU(convolution, norm)
    return (whole, whole.maxPooled2x2())
  }

  /// A 1x1 convolution of `convolvedNormalisedReLU` to one channel. In evaluation, for at most 32 channels between, those are
  /// never stored.
  public func convolvedNormalisedReLUAndProjected(
    _ convolution: Conv2d, _ norm: BatchNorm2d, by head: Conv2d
  ) -> Tensor {
    let channels = convolution.weight.shape[0]
    guard canFoldMore(convolution, norm), FastConvolution.canProject(channels),
      head.weight.shape == [1, channels, 1, 1], head.geometry == ConvolutionGeometry(kernel: 1)
    else { return head(convolvedNormalisedReLU(convolution, norm)) }
    return convolvedNormalisedFolded(
      convolution, norm, false, head: (head.weight.value, head.bias?.value.item ?? 0)
    ).y
  }

  /// `convolvedNormalisedReLUAndProjected` from single operations: its reference.
  package func composedNormalisedReLUAndProjected(
    _ convolution: Conv2d, _ norm: BatchNorm2d, by head: Conv2d
  ) -> Tensor {
    head(composedNormalisedReLU(convolution, norm))
  }

  /// Whether more than the normalisation can follow the products; a monitor wants to see each layer's result.
  private func canFoldMore(_ convolution: Conv2d, _ norm: BatchNorm2d) -> Bool {
    !norm.isTraining && !NN.recordsGradients && Monitor.current == nil
      && FastConvolution.form(convolution.weight.shape, convolution.geometry) == .winograd
  }

  /// Evaluation: weights times weight / sqrt(variance), bias to match.
  private func convolvedNormalisedFolded(
    _ convolution: Conv2d, _ norm: BatchNorm2d, _ isSingle: Bool, pooling: Bool = false,
    head: (weight: Tensor, bias: Float)? = nil
  ) -> (y: Tensor, pooled: Tensor?) {
    let fixed = norm.fixedStatistics
    let (gains, shifts) = (norm.weight.value.values, norm.bias.value.values)
    let scale = (0..<gains.count).map { gains[$0] / (fixed.variance[$0] + norm.epsilon).squareRoot() }
    let offsets = convolution.bias?.value.values ?? [Float](repeating: 0, count: gains.count)
    let bias = Tensor((0..<gains.count).map { (offsets[$0] - fixed.mean[$0]) * scale[$0] + shifts[$0] }, [gains.count])
    let weight = convolution.weight.value
    if isSingle {
      return (FastConvolution.singleInput(contiguous(), weight, bias: bias, relu: true, scale: scale).y, nil)
    }
    let result = FastConvolution.winograd(
      channelsLast(), FastConvolution.packWinograd(weight, scale: scale, keeping: convolution.weight),
      channels: gains.count, epilogue: .init(bias: bias, relu: true, head: head), pooling: pooling)
    return (result.y, result.pooled)
  }

  /// Training. The result is a recipe: whoever reads it normalises the result of the convolution, which the backward pass
  /// needs in any case. The gradient of that result is never stored either. The bias of the convolution shifts the mean and
  /// nothing else: its gradient is exactly zero.
  private func convolvedNormalisedInTraining(
    _ convolution: Conv2d, _ norm: BatchNorm2d, _ isSingle: Bool
  ) -> Tensor {
    let x = isSingle ? contiguous() : channelsLast()
    let weight = convolution.weight.tensor
    let (gain, shift) = (norm.weight.tensor, norm.bias.tensor)
    let filter = weight.detached()
    let (k, c) = (filter.shape[0], filter.shape[1])
    let y: Tensor
    let sums: [Double]
    if isSingle {
      (y, sums) = FastConvolution.singleInput(x, filter, wantsSums: true)
    } else {
      (y, sums, _) = FastConvolution.winograd(x, FastConvolution.packWinograd(filter), channels: k, wantsSums: true)
    }
    let normalisation = ChannelNormalisation(
      sums: sums, count: y.pixels, channels: k, gain: gain.values, shift: shift.values, epsilon: norm.epsilon)
    norm.follow(
      BatchStatistics(
        mean: zip(normalisation.mean, convolution.bias?.value.values ?? [Float](repeating: 0, count: k)).map {
          $0 + $1
        },
        variance: normalisation.variance, count: y.pixels))
    normalisation.alignKinks(y)
    let z = Tensor(shape: y.shape, recipe: .normalised(y, normalisation))
    var input: Tensor? = x.kept()
    let parts = x.joinedChannels
    let biasValue = convolution.bias?.tensor
    return z.recorded([x, weight, gain, shift, biasValue]) { gradient, needs in
      let dz = gradient.channelsLast()
      let sums = normalisation.gradientSums(dz, y)
      let factors = normalisation.gradientFactors(sums)
      let half = y.isReadAsHalf
      let outer: (plane: Tensor, factors: Tensor)? =
        if case .outer(let plane, let factors)? = dz.pending { (plane, factors) } else { nil }
      let upstream = outer == nil ? dz.stored(half: half) : dz
      let dy = FastConvolution.Gradient(shape: y.shape) { memory in
        var source = normalisation.source(y, in: &memory)
        if let outer {
          (source.upstream, source.us, source.factor) = (
            memory.read(outer.plane), 1, memory.read(outer.factors)
          )
        } else {
          (source.upstream, source.us) = memory.stored(upstream, half: half)
        }
        let a = memory.read(factors)
        (source.a, source.b, source.d) = (a, a + y.paddedChannels, a + 2 * y.paddedChannels)
        return [source]
      }
      let dweight =
        needs[1]
        ? input.map {
          isSingle
            ? FastConvolution.singleInputWeightGradient($0, dy) : FastConvolution.winogradWeightGradient($0, dy).weight
        } : nil
      // Given back before the gradient of the same size is made, unless its kernel takes statistics of it.
      if input?.pendingNormalisation == nil { input = nil }
      var dx: Tensor?
      if needs[0] {
        let packed = FastConvolution.packWinograd(filter, rotated: true)
        dx =
          FastConvolution.winogradInputGradients(dy, packed, joined: parts)
          ?? FastConvolution.winogradInputGradient(dy, packed, of: input, channels: c)
      }
      let (dgain, dshift) = normalisation.parameterGradients(sums)
      return [dx, dweight, dgain, dshift, needs[4] ? Tensor.zeros([k]) : nil]
    }
  }
}
