import Basics
import Foundation

// Element-wise functions of one tensor. Layout: any; the result has the layout of the input.

extension Tensor {
  /// max(x, 0); derivative 0 at 0. Parity: layers/relu.
  public func relu() -> Tensor {
    aligned(atKinks: .zero).elementwise({ max($0, 0) }, derivative: { _, y in y > 0 ? 1 : 0 })
  }

  /// x for x > 0, else slope x; derivative `slope` at 0. Parity: layers/leaky_relu_*.
  public func leakyReLU(_ slope: Float) -> Tensor {
    aligned(atKinks: .zero).elementwise({ $0 > 0 ? $0 : slope * $0 }, derivative: { x, _ in x > 0 ? 1 : slope })
  }

  /// Parity: layers/tanh.
  public func tanh() -> Tensor { elementwise({ Foundation.tanhf($0) }, derivative: { _, y in 1 - y * y }) }

  /// 1 / (1 + exp(-x)). Parity: layers/sigmoid.
  public func sigmoid() -> Tensor {
    elementwise(keepsZero: false, { 1 / (1 + Foundation.expf(-$0)) }, derivative: { _, y in y * (1 - y) })
  }

  /// x limited to a range; the gradient passes where low < x < high, not at the limits themselves (as in
  /// PyTorch 2.15 and in the values of the fixture, whose note says otherwise). Parity: layers/clamp_0_1.
  public func clamped(_ low: Float, _ high: Float) -> Tensor {
    aligned(atKinks: .range(low, high)).elementwise(
      keepsZero: low <= 0 && high >= 0, { min(max($0, low), high) },
      derivative: { x, _ in x > low && x < high ? 1 : 0 })
  }

  /// x for x > 0, else slope x with one slope for all channels (`weight` of shape [1]) or one each ([c]); images.
  /// Parity: layers/prelu_1, layers/prelu_channel.
  public func prelu(_ weight: Tensor) -> Tensor {
    precondition(rank == 4 && (weight.count == 1 || weight.count == c), "\(weight.shape) slopes for the shape \(shape)")
    let x = channelsLast().aligned(atKinks: .zero).dense()
    let stride = x.pixelStride
    let channels = c
    let shared = weight.count == 1
    let slopes = weight.contiguous().detached()
    let lanes = (0..<stride).map { k in k < channels ? slopes.reader[shared ? 0 : k] : 0 }
    let y = x.emptyLike()
    let (from, to) = (x.reader, y.writer)
    let pixels = self.pixels
    parallelChunks(pixels, of: 512) { range in
      for pixel in range {
        for k in 0..<stride {
          let value = from[pixel * stride + k]
          to[pixel * stride + k] = value > 0 ? value : value * lanes[k]
        }
      }
    }
    let input = x.detached()
    return y.recorded([x, weight]) { gradient, _ in
      let dy = gradient.dense(like: input)
      let dx = input.emptyLike()
      let (xs, upstream, target) = (input.reader, dy.reader, dx.writer)
      let size = 512
      let chunks = (pixels + size - 1) / size
      var partial = [Double](repeating: 0, count: chunks * stride)
      partial.withWriter { sums in
        parallel(chunks) { chunk in
          for pixel in chunk * size..<min(pixels, (chunk + 1) * size) {
            for k in 0..<stride {
              let i = pixel * stride + k
              if xs[i] > 0 {
                target[i] = upstream[i]
              } else {
                target[i] = upstream[i] * lanes[k]
                sums[chunk * stride + k] += Double(upstream[i] * xs[i])
              }
            }
          }
        }
      }
      var slopeGradient = [Double](repeating: 0, count: shared ? 1 : channels)
      for chunk in 0..<chunks {
        for k in 0..<channels { slopeGradient[shared ? 0 : k] += partial[chunk * stride + k] }
      }
      return [dx, Tensor(slopeGradient.map { Float($0) }, slopes.shape)]
    }
  }
}
