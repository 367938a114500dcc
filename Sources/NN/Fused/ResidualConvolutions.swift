import CKernels

// Steps of residual networks as one operation each, where the 3x3 convolutions are fast ones: activations, sums and shuffles
// ride along with the convolutions and cost no pass over memory. Elsewhere the same from single operations.

extension Tensor {
  /// x + factor * conv(relu(conv(x))).
  func residualBlock(_ first: Conv2d, _ second: Conv2d, factor: Float) -> Tensor {
    let forms = [first, second].map { FastConvolution.form($0.weight.shape, $0.geometry) }
    guard forms == [.winograd, .winograd] else {
      let result = second(first(self).relu())
      return self + (factor == 1 ? result : result.affine(factor))
    }
    let x = channelsLast()
    let (firstFilter, secondFilter) = (first.weight.value, second.weight.value)
    var middle = FastConvolution.winograd(
      x, FastConvolution.packWinograd(firstFilter, keeping: first.weight), channels: firstFilter.shape[0],
      epilogue: .init(bias: first.bias?.value, relu: Bends.active == nil)
    ).y
    if Bends.active != nil { middle = middle.settled(.zero).mapped { max($0, 0) } }
    Monitor.observe(middle, of: first.weight)
    let y = FastConvolution.winograd(
      middle, FastConvolution.packWinograd(secondFilter, keeping: second.weight), channels: c,
      epilogue: .init(bias: second.bias?.value, residual: x, residualScale: factor)
    ).y
    Monitor.observe(y, of: second.weight)
    let (input, activated) = (x.kept(), middle)
    let inputs = [x, first.weight.tensor, first.bias?.tensor, second.weight.tensor, second.bias?.tensor]
    return y.recorded(inputs) { gradient, needs in
      let dy = gradient.channelsLast()
      let upstream = FastConvolution.Gradient(dy)
      let scale = [Float](repeating: factor, count: secondFilter.shape[0])
      let outer = FastConvolution.winogradWeightGradient(activated, upstream, wantsBias: needs[4])
      let dmiddle = FastConvolution.winogradInputGradient(
        upstream, FastConvolution.packWinograd(secondFilter, rotated: true, scale: scale), of: nil,
        channels: secondFilter.shape[1])
      let passed = dmiddle.throughReLU(of: activated)
      let inner = FastConvolution.winogradWeightGradient(input, passed, wantsBias: needs[2])
      let dx =
        needs[0]
        ? FastConvolution.winogradInputGradient(
          passed, FastConvolution.packWinograd(firstFilter, rotated: true), of: nil, channels: firstFilter.shape[1],
          adding: dy) : nil
      return [dx, inner.weight, inner.bias, outer.weight.mapped { $0 * factor }, outer.bias?.mapped { $0 * factor }]
    }
  }

  /// This gradient of relu values `y` (stored) as that of their argument, made while a kernel reads it.
  private func throughReLU(of y: Tensor) -> FastConvolution.Gradient {
    let lanes = y.paddedChannels
    let constants = Tensor.zeros([2, lanes])
    for k in 0..<lanes { constants.data[k] = 1 }
    let (one, zero) = (UnsafePointer(constants.data), UnsafePointer(constants.data + lanes))
    var source = y.withSource { $0.pointee }
    let upstream = stored(half: source.half != 0)
    (source.scale, source.shift, source.a, source.b, source.d) = (one, zero, one, zero, zero)
    (source.upstream, source.us) = (UnsafePointer(upstream.pointer), upstream.stride)
    return FastConvolution.Gradient(sources: [source], shape: y.shape, owners: [y, upstream.owner, constants])
  }

  /// A 3x3 convolution to four times the channels and a pixel shuffle by 2.
  func convolvedShuffled(_ convolution: Conv2d) -> Tensor {
    let k = convolution.weight.shape[0]
    guard FastConvolution.form(convolution.weight.shape, convolution.geometry) == .winograd, k % 128 == 0 else {
      return convolution(self).pixelShuffled(2)
    }
    // The shuffle takes channel 4 i + j of the convolution to channel i; here the quarters j are kept together.
    let x = channelsLast()
    let filter = convolution.weight.value.quarters()
    let y = FastConvolution.winograd(
      x, KeptFilter.of(convolution.weight, .quarters) { FastConvolution.packWinograd(filter) }, channels: k,
      epilogue: .init(bias: convolution.bias?.value.quarters()), shuffled: true
    ).y
    if Monitor.current != nil { Monitor.observe(y.pixelUnshuffled(2), of: convolution.weight) }
    var input: Tensor? = x.kept()
    return y.recorded([x, convolution.weight.tensor, convolution.bias?.tensor]) { gradient, needs in
      let dz = gradient.channelsLast()
      let whole = dz.withSource { $0.pointee }
      let (stride, width) = (Int(whole.xs), dz.w)
      let parts = (0..<4).map { quarter in
        var source = whole
        let bytes = (quarter / 2 * width + quarter % 2) * stride * (whole.half != 0 ? 2 : 4)
        source.x = (UnsafeRawPointer(whole.x!) + bytes).assumingMemoryBound(to: Float.self)  // an image has memory
        (source.xs, source.row) = (Int64(2 * stride), Int64(2 * width * stride))
        return source
      }
      let dy = FastConvolution.Gradient(sources: parts, shape: [dz.n, k, dz.h / 2, dz.w / 2], owners: [dz])
      let own = FastConvolution.winogradWeightGradient(input!, dy, wantsBias: needs[2])  // kept until here
      if input?.pendingNormalisation == nil { input = nil }
      let dx =
        needs[0]
        ? FastConvolution.winogradInputGradient(
          dy, FastConvolution.packWinograd(filter, rotated: true), of: input, channels: filter.shape[1]) : nil
      return [dx, own.weight.quarters(back: true), own.bias?.quarters(back: true)]
    }
  }

  /// Rows in the order 0, 4, 8 ..., 1, 5, 9 ..., or from that back.
  private func quarters(back: Bool = false) -> Tensor {
    let (rows, width) = (shape[0], count / shape[0])
    let result = Tensor.empty(shape)
    for row in 0..<rows {
      let other = row % 4 * (rows / 4) + row / 4
      (result.data + (back ? row : other) * width).update(from: data + (back ? other : row) * width, count: width)
    }
    return result
  }
}
