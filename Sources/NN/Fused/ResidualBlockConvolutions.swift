import Basics
import CKernels

extension Tensor {
  /// x + factor * conv(relu(conv(x))): activation and sum ride along with the convolutions and cost no pass over memory, where
  /// both are 3x3 ones of the fast form; `composedResidualBlock` elsewhere.
  package func residualBlock(_ first: Conv2d, _ second: Conv2d, factor: Float) -> Tensor {
    let forms = [first, second].map { FastConvolution.form($0.weight.shape, $0.geometry) }
    guard forms == [.winograd, .winograd] else { return composedResidualBlock(first, second, factor: factor) }
    let x = channelsLast()
    let (firstFilter, secondFilter) = (first.weight.value, second.weight.value)
    func convolved(relu: Bool) -> Tensor {
      FastConvolution.winograd(
        x, FastConvolution.packWinograd(firstFilter, keeping: first.weight), channels: firstFilter.shape[0],
        epilogue: .init(bias: first.bias?.value, relu: relu)
      ).y
    }
    var middle = convolved(relu: true)
    if let kinks = Kinks.active {
      middle = middle.aligned(atKinks: .zero, of: convolved(relu: false).values, kinks)
    }
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

  /// `residualBlock` from single operations: its reference.
  package func composedResidualBlock(_ first: Conv2d, _ second: Conv2d, factor: Float) -> Tensor {
    let result = second(first(self).relu())
    return self + (factor == 1 ? result : result.affine(factor))
  }

  /// This gradient of relu values `y` (stored) as that of their argument, made while a kernel reads it.
  private func throughReLU(of y: Tensor) -> FastConvolution.Gradient {
    let lanes = y.paddedChannels
    let constants = Tensor.zeros([2, lanes])
    constants.writer.update(repeating: 1, count: lanes)
    let half = y.isReadAsHalf
    let upstream = stored(half: half)
    return FastConvolution.Gradient(shape: y.shape) { memory in
      let one = memory.read(constants)
      let zero = one + lanes
      var source = memory.source(y)
      (source.scale, source.shift, source.a, source.b, source.d) = (one, zero, one, zero, zero)
      (source.upstream, source.us) = memory.stored(upstream, half: half)
      return [source]
    }
  }
}
