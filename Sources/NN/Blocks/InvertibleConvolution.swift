import Foundation

/// A 1x1 convolution whose matrix is W = P (L + I) (U + diag(sign exp(s))), L strictly lower, U strictly upper. P and the
/// signs are fixed; it starts as the factors of a random orthogonal matrix.
/// Source: Kingma and Dhariwal, "Glow", NeurIPS 2018. Parity: layers/sgnet_invblock.
final class InvertibleConvolution: Module {
  let permutation: Buffer
  let signs: Buffer
  let lower: Parameter
  let logarithms: Parameter
  let upper: Parameter
  private let lowerMask: Tensor
  private let upperMask: Tensor
  private let identity: Tensor
  private let diagonal: GatherMap

  init(_ channels: Int, _ initialiser: WeightInitialiser) {
    let n = channels
    func matrix(_ value: (Int, Int) -> Float) -> Tensor {
      Tensor((0..<n * n).map { value($0 / n, $0 % n) }, [n, n])
    }
    let factors = LUFactors(orthogonalOf: n, initialiser)
    permutation = Buffer(.float(matrix { Float(factors.p[$0 * n + $1]) }))
    lower = Parameter(matrix { Float(factors.l[$0 * n + $1]) })
    upper = Parameter(matrix { $1 > $0 ? Float(factors.u[$0 * n + $1]) : 0 })
    let pivots = (0..<n).map { factors.u[$0 * n + $0] }
    signs = Buffer(.float(Tensor(pivots.map { $0 < 0 ? -1 : 1 }, [n])))
    logarithms = Parameter(Tensor(pivots.map { Float(log(abs($0))) }, [n]))
    lowerMask = matrix { $0 > $1 ? 1 : 0 }
    upperMask = matrix { $0 < $1 ? 1 : 0 }
    identity = matrix { $0 == $1 ? 1 : 0 }
    diagonal = GatherMap(sourceCount: n, indices: (0..<n * n).map { $0 / n == $0 % n ? Int32($0 / n) : -1 })
  }

  var members: [(name: String, member: Member)] {
    [
      ("l", .parameter(lower)), ("log_s", .parameter(logarithms)), ("u", .parameter(upper)),
      ("p", .buffer(permutation)), ("sign_s", .buffer(signs)),
    ]
  }

  /// The matrix of the convolution, [n, n].
  var matrix: Tensor {
    let n = lower.shape[0]
    let left = lower.tensor * lowerMask + identity
    let scale = (logarithms.tensor.exponential() * signs.tensor).gathered(diagonal, planes: 1, shape: [n, n])
    let right = upper.tensor * upperMask + scale
    return permutation.tensor.matrixProduct(left.matrixProduct(right))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let n = lower.shape[0]
    return x.convolved(matrix.reshaped([n, n, 1, 1]), ConvolutionGeometry(kernel: 1))
  }
}

/// A random orthogonal matrix as the product of a permutation, a unit lower and an upper triangle; row-major.
private struct LUFactors {
  var p: [Double]
  var l: [Double]
  var u: [Double]

  init(orthogonalOf n: Int, _ initialiser: WeightInitialiser) {
    // Gram-Schmidt, twice for orthogonality to rounding, on normal random rows.
    var rows: [[Double]] = []
    while rows.count < n {
      var row = (0..<n).map { _ in initialiser.random.normal() }
      for _ in 0..<2 {
        for other in rows {
          let dot = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
          for k in 0..<n { row[k] -= dot * other[k] }
        }
      }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      if length > 1e-6 { rows.append(row.map { $0 / length }) }
    }
    var upper = rows.flatMap { $0 }
    var lower = [Double](repeating: 0, count: n * n)
    var order = Array(0..<n)
    for column in 0..<n {
      let pivot = (column..<n).max { abs(upper[$0 * n + column]) < abs(upper[$1 * n + column]) } ?? column
      if pivot != column {
        order.swapAt(pivot, column)
        for k in 0..<n {
          upper.swapAt(pivot * n + k, column * n + k)
          lower.swapAt(pivot * n + k, column * n + k)
        }
      }
      lower[column * n + column] = 1
      for row in column + 1..<n {
        let factor = upper[row * n + column] / upper[column * n + column]
        lower[row * n + column] = factor
        for k in column..<n { upper[row * n + k] -= factor * upper[column * n + k] }
      }
    }
    (l, u) = (lower, upper)
    // Row i of the factored matrix is row order[i] of the original: A = P L U with P[order[i]][i] = 1.
    p = [Double](repeating: 0, count: n * n)
    for (i, row) in order.enumerated() { p[row * n + i] = 1 }
  }
}
