import Basics
import CKernels

extension Tensor {
  /// A 3x3 convolution to four times the channels and a pixel shuffle by 2, which happens while the convolution writes its
  /// result; `composedShuffled` where that is not the fast form or has no 128 channels.
  package func convolvedShuffled(_ convolution: Conv2d) -> Tensor {
    let k = convolution.weight.shape[0]
    guard FastConvolution.form(convolution.weight.shape, convolution.geometry) == .winograd, k % 128 == 0 else {
      return composedShuffled(convolution)
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
      let dy = FastConvolution.Gradient(shape: [dz.n, k, dz.h / 2, dz.w / 2]) { memory in
        let whole = memory.source(dz)
        let (stride, width) = (Int(whole.xs), dz.w)
        return (0..<4).map { quarter in
          var source = whole
          let bytes = (quarter / 2 * width + quarter % 2) * stride * (whole.half != 0 ? 2 : 4)
          source.x = (UnsafeRawPointer(whole.x!) + bytes).assumingMemoryBound(to: Float.self)  // an image has memory
          (source.xs, source.row) = (Int64(2 * stride), Int64(2 * width * stride))
          return source
        }
      }
      let own = FastConvolution.winogradWeightGradient(input!, dy, wantsBias: needs[2])  // kept until here
      if input?.pendingNormalisation == nil { input = nil }
      let dx =
        needs[0]
        ? FastConvolution.winogradInputGradient(
          dy, FastConvolution.packWinograd(filter, rotated: true), of: input, channels: filter.shape[1]) : nil
      return [dx, own.weight.quarters(back: true), own.bias?.quarters(back: true)]
    }
  }

  /// `convolvedShuffled` from single operations: its reference.
  package func composedShuffled(_ convolution: Conv2d) -> Tensor { convolution(self).pixelShuffled(2) }

  /// Rows in the order 0, 4, 8 ..., 1, 5, 9 ..., or from that back.
  private func quarters(back: Bool = false) -> Tensor {
    let (rows, width) = (shape[0], count / shape[0])
    let result = Tensor.empty(shape)
    for row in 0..<rows {
      let other = row % 4 * (rows / 4) + row / 4
      (result.writer + (back ? row : other) * width).update(
        from: reader + (back ? other : row) * width, count: width)
    }
    return result
  }
}
