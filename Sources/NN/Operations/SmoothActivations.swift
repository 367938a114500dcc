import Foundation

// Element-wise functions that only some networks use. Layout: any.

extension Tensor {
  /// x times the normal distribution function, with erf (no tanh approximation). Parity: layers/gelu_exact.
  public func gelu() -> Tensor {
    elementwise(
      { 0.5 * $0 * (1 + erff($0 * 0.707_106_77)) },
      derivative: { x, _ in
        0.5 * (1 + erff(x * 0.707_106_77)) + x * 0.398_942_28 * expf(-0.5 * x * x)
      })
  }

  /// ln(1 + exp(x)); x itself above 20, as PyTorch has it. Parity: layers/softplus.
  public func softplus() -> Tensor {
    elementwise(
      keepsZero: false, { $0 > 20 ? $0 : log1pf(expf($0)) },
      derivative: { x, _ in x > 20 ? 1 : 1 / (1 + expf(-x)) })
  }

  /// |x|; derivative 0 at 0. Parity: layers/abs.
  public func absolute() -> Tensor {
    elementwise({ abs($0) }, derivative: { x, _ in x > 0 ? 1 : x < 0 ? -1 : 0 })
  }

  /// exp(x).
  public func exponential() -> Tensor { elementwise(keepsZero: false, { expf($0) }, derivative: { _, y in y }) }

  /// Square root of x + epsilon; epsilon keeps the derivative finite at 0.
  public func squareRoot(epsilon: Float = 0) -> Tensor {
    elementwise(keepsZero: epsilon == 0, { ($0 + epsilon).squareRoot() }, derivative: { _, y in 0.5 / y })
  }

  /// The natural logarithm of x + epsilon.
  public func logarithm(epsilon: Float = 0) -> Tensor {
    elementwise(keepsZero: false, { logf($0 + epsilon) }, derivative: { x, _ in 1 / (x + epsilon) })
  }

  /// x².
  public func squared() -> Tensor { elementwise({ $0 * $0 }, derivative: { x, _ in 2 * x }) }

  /// The element-wise quotient of two tensors of one shape.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    let (numerator, denominator) = (a.contiguous(), b.contiguous())
    let (x, y) = (numerator.detached(), denominator.detached())
    return numerator.zipped(denominator) { $0 / $1 }.recorded([numerator, denominator]) { gradient, needs in
      let g = gradient.contiguous()
      return [
        needs[0] ? g.zipped(y) { $0 / $1 } : nil,
        needs[1] ? g.zipped(x.zipped(y) { -$0 / ($1 * $1) }) { $0 * $1 } : nil,
      ]
    }
  }
}
