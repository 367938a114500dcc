import Basics
import Foundation
import NN

/// An image of a random size: odd and even sides, several images and channels.
func drawnShape(_ random: inout SeededRandom, channels: Int? = nil, least: Int = 1) -> [Int] {
  [
    1 + random.index(below: 3), channels ?? 1 + random.index(below: 5), least + random.index(below: 7),
    least + random.index(below: 7),
  ]
}

private func elementwise(
  _ name: String, range: ClosedRange<Double> = -2...2, _ reference: @escaping @Sendable (Double) -> Double,
  _ operation: @escaping @Sendable (Tensor) -> Tensor
) -> DoubleCase {
  DoubleCase(name: name) { random in
    DoubleProblem(
      inputs: [Grid(drawnShape(&random), &random, range)], reference: { $0[0].map(reference) },
      operation: { operation($0[0]) })
  }
}

private func pairwise(
  _ name: String, _ reference: @escaping @Sendable (Double, Double) -> Double,
  _ operation: @escaping @Sendable (Tensor, Tensor) -> Tensor
) -> DoubleCase {
  DoubleCase(name: name) { random in
    let shape = drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random), Grid(shape, &random, 0.5...2)],
      reference: { inputs in Grid(shape) { reference(inputs[0].values[$0], inputs[1].values[$0]) } },
      operation: { operation($0[0], $0[1]) })
  }
}

/// Operations on each element, or on pairs of elements.
let elementProblems: [DoubleCase] = [
  elementwise("relu", { max($0, 0) }) { $0.relu() },
  elementwise("leaky relu", { $0 > 0 ? $0 : 0.2 * $0 }) { $0.leakyReLU(0.2) },
  elementwise("tanh", { tanh($0) }) { $0.tanh() },
  elementwise("sigmoid", { 1 / (1 + exp(-$0)) }) { $0.sigmoid() },
  elementwise("clamp", { min(max($0, -0.5), 0.7) }) { $0.clamped(-0.5, 0.7) },
  elementwise("gelu", { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }) { $0.gelu() },
  elementwise("softplus", { log(1 + exp($0)) }) { $0.softplus() },
  elementwise("absolute", { abs($0) }) { $0.absolute() },
  elementwise("exponential", { exp($0) }) { $0.exponential() },
  elementwise("square root", range: 0.2...3, { ($0 + 0.01).squareRoot() }) { $0.squareRoot(epsilon: 0.01) },
  elementwise("logarithm", range: 0.2...3, { log($0 + 0.01) }) { $0.logarithm(epsilon: 0.01) },
  elementwise("square", { $0 * $0 }) { $0.squared() },
  elementwise("affine", { 1.5 * $0 - 0.25 }) { $0.affine(1.5, -0.25) },
  pairwise("sum", +) { $0 + $1 },
  pairwise("difference", -) { $0 - $1 },
  pairwise("product", *) { $0 * $1 },
  pairwise("quotient", /) { $0 / $1 },
  DoubleCase(name: "prelu") { random in
    let shape = drawnShape(&random)
    let slopes = random.index(below: 2) == 0 ? 1 : shape[1]
    return DoubleProblem(
      inputs: [Grid(shape, &random), Grid([slopes], &random, 0...0.5)],
      reference: { inputs in
        .image(shape) { n, c, y, x in
          let value = inputs[0][n, c, y, x]
          return value > 0 ? value : value * inputs[1].values[slopes == 1 ? 0 : c]
        }
      },
      operation: { $0[0].prelu($0[1]) })
  },
  DoubleCase(name: "simple gate") { random in
    let shape = drawnShape(&random, channels: 2 * (1 + random.index(below: 4)))
    let half = shape[1] / 2
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], half, shape[2], shape[3]]) { inputs[0][$0, $1, $2, $3] * inputs[0][$0, $1 + half, $2, $3] }
      },
      operation: { $0[0].simpleGate() })
  },
  DoubleCase(name: "scaling of channels") { random in
    let shape = drawnShape(&random)
    let images = random.index(below: 2) == 0 ? 1 : shape[0]
    return DoubleProblem(
      inputs: [Grid(shape, &random), Grid([images, shape[1], 1, 1], &random)],
      reference: { inputs in
        .image(shape) { inputs[0][$0, $1, $2, $3] * inputs[1][images == 1 ? 0 : $0, $1, 0, 0] }
      },
      operation: { $0[0].scaledChannels($0[1]) })
  },
  DoubleCase(name: "concatenation and cut") { random in
    let shape = drawnShape(&random)
    let more = 1 + random.index(below: 20)
    let total = shape[1] + more
    let from = random.index(below: total)
    let to = from + 1 + random.index(below: total - from)
    return DoubleProblem(
      detail: "channels \(from)..<\(to)",
      inputs: [Grid(shape, &random), Grid([shape[0], more, shape[2], shape[3]], &random)],
      reference: { inputs in
        .image([shape[0], to - from, shape[2], shape[3]]) { n, c, y, x in
          c + from < shape[1] ? inputs[0][n, c + from, y, x] : inputs[1][n, c + from - shape[1], y, x]
        }
      },
      operation: { Tensor.concatenated([$0[0], $0[1]]).channels(from..<to) })
  },
  DoubleCase(name: "permutation") { random in
    let shape = drawnShape(&random)
    let order = random.permutation(4)
    let strides = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1]
    let to = order.map { shape[$0] }
    return DoubleProblem(
      detail: "\(order)", inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image(to) { a, b, c, d in
          let places = [a, b, c, d]
          var index = 0
          for axis in 0..<4 { index += places[axis] * strides[order[axis]] }
          return inputs[0].values[index]
        }
      },
      operation: { $0[0].permuted(order) })
  },
  DoubleCase(name: "linear") { random in
    let (rows, inner, outer) = (1 + random.index(below: 9), 1 + random.index(below: 19), 1 + random.index(below: 19))
    return DoubleProblem(
      inputs: [Grid([2, rows, inner], &random), Grid([outer, inner], &random), Grid([outer], &random)],
      reference: { inputs in
        Grid([2, rows, outer]) { i in
          var sum = inputs[2].values[i % outer]
          for k in 0..<inner {
            sum += inputs[0].values[i / outer * inner + k] * inputs[1].values[i % outer * inner + k]
          }
          return sum
        }
      },
      operation: { $0[0].linear($0[1], bias: $0[2]) })
  },
  DoubleCase(name: "matrix product") { random in
    let (m, k, n) = (1 + random.index(below: 9), 1 + random.index(below: 19), 1 + random.index(below: 9))
    return DoubleProblem(
      inputs: [Grid([m, k], &random), Grid([k, n], &random)],
      reference: { inputs in
        Grid([m, n]) { i in
          var sum = 0.0
          for j in 0..<k { sum += inputs[0].values[i / n * k + j] * inputs[1].values[j * n + i % n] }
          return sum
        }
      },
      operation: { $0[0].matrixProduct($0[1]) })
  },
]
