import Basics
import Foundation

extension Tensor {
  /// exp(x) / sum of exp over the last axis, shifted by the largest value. Parity: layers/softmax_last.
  public func softmax() -> Tensor {
    let x = contiguous()
    let length = shape.last ?? 1
    let rows = count / max(1, length)
    let y = Tensor.empty(shape)
    let (from, to) = (x.reader, y.writer)
    parallelChunks(rows, of: 64) { range in
      for row in range {
        Tensor.softmaxRow((from + row * length).pointer, (to + row * length).pointer, length)
      }
    }
    let output = y.detached()
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.empty(output.shape)
      let (upstream, values, target) = (dy.reader, output.reader, dx.writer)
      parallelChunks(rows, of: 64) { range in
        for row in range {
          let (g, p, d) = (upstream + row * length, values + row * length, target + row * length)
          var dot: Float = 0
          for i in 0..<length { dot += g[i] * p[i] }
          for i in 0..<length { d[i] = p[i] * (g[i] - dot) }
        }
      }
      return [dx]
    }
  }

  /// Softmax over the channels of images. Parity: layers/softmax_channel.
  public func softmaxOverChannels() -> Tensor {
    permuted([0, 2, 3, 1]).softmax().permuted([0, 3, 1, 2])
  }

  /// One row of a softmax; `from` and `to` may be the same.
  static func softmaxRow(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ length: Int) {
    var largest = -Float.infinity
    for i in 0..<length { largest = max(largest, from[i]) }
    var sum: Float = 0
    for i in 0..<length {
      to[i] = expf(from[i] - largest)
      sum += to[i]
    }
    let factor = 1 / sum
    for i in 0..<length { to[i] *= factor }
  }
}
