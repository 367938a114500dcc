import Basics
import NN
import Testing

/// The gradient of every operation against differences of its values: along a random direction in the space of all inputs,
/// (L(x + h d) - L(x - h d)) / 2h must equal gradient . d, where L is the sum of the outputs times random weights.
@Suite struct GradientTests {
  struct Operation: Sendable, CustomTestStringConvertible {
    var name: String
    var shapes: [[Int]]
    /// Values of the inputs are uniform in this range.
    var range = -1.0...1.0
    var step: Float = 1e-2
    var apply: @Sendable ([Tensor]) -> Tensor
    var testDescription: String { name }
  }

  static let operations: [Operation] = [
    Operation(name: "convolution 3x5, stride 2, dilation 2, groups 2", shapes: [[2, 4, 9, 11], [6, 2, 3, 5], [6]]) {
      $0[0].convolved(
        $0[1], bias: $0[2],
        ConvolutionGeometry(kernelHeight: 3, kernelWidth: 5, stride: 2, padding: 3, dilation: 2, groups: 2))
    },
    Operation(name: "convolution 3x3", shapes: [[2, 5, 7, 6], [3, 5, 3, 3], [3]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 3, padding: 1))
    },
    Operation(name: "convolution 1x1", shapes: [[2, 5, 7, 6], [3, 5, 1, 1], [3]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 1))
    },
    Operation(name: "convolution by channel", shapes: [[2, 5, 7, 6], [5, 1, 3, 3], [5]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 3, padding: 1, groups: 5))
    },
    Operation(name: "transposed convolution 2x2, stride 2", shapes: [[2, 5, 3, 4], [5, 3, 2, 2], [3]]) {
      $0[0].convolvedTransposed($0[1], bias: $0[2], ConvolutionGeometry(kernel: 2, stride: 2))
    },
    Operation(name: "transposed convolution 6x6, stride 3, groups 2", shapes: [[2, 4, 3, 4], [4, 2, 6, 6], [4]]) {
      $0[0].convolvedTransposed($0[1], bias: $0[2], ConvolutionGeometry(kernel: 6, stride: 3, padding: 2, groups: 2))
    },
    Operation(name: "tanh", shapes: [[3, 4, 5, 6]]) { $0[0].tanh() },
    Operation(name: "sigmoid", shapes: [[3, 4, 5, 6]]) { $0[0].sigmoid() },
    Operation(name: "relu away from 0", shapes: [[3, 4, 5, 6]], range: 0.1...1) {
      ($0[0].affine(1, -2).relu() + $0[0].relu())
    },
    Operation(name: "prelu", shapes: [[2, 3, 4, 5], [3]], range: 0.1...1) { $0[0].affine(-1).prelu($0[1]) },
    Operation(name: "leaky relu", shapes: [[2, 3, 4, 5]], range: 0.1...1) { $0[0].affine(-1).leakyReLU(0.2) },
    Operation(name: "sum and product", shapes: [[2, 3, 4, 5], [2, 3, 4, 5]]) {
      $0[0] * $0[1] - ($0[0] + $0[1]).affine(3, 1)
    },
    Operation(name: "scaling of channels", shapes: [[2, 3, 4, 5], [2, 3, 1, 1]]) { $0[0].scaledChannels($0[1]) },
    Operation(name: "global average", shapes: [[2, 3, 4, 5]]) { $0[0].globalAverage() },
    Operation(name: "mean", shapes: [[2, 3, 4, 5]]) { $0[0].mean() },
    Operation(name: "concatenation and cut", shapes: [[2, 3, 4, 5], [2, 20, 4, 5]]) {
      Tensor.concatenated([$0[0], $0[1]]).channels(1..<20)
    },
    Operation(name: "permutation", shapes: [[2, 3, 4, 5]]) { $0[0].permuted([2, 0, 3, 1]).reshaped([4, 30]) },
    Operation(name: "bicubic", shapes: [[2, 3, 4, 5]]) { $0[0].resized(height: 13, width: 9, .bicubic) },
    Operation(name: "bilinear, corners", shapes: [[2, 3, 4, 5]]) {
      $0[0].resized(height: 7, width: 3, .bilinear, alignCorners: true)
    },
    Operation(name: "length over channels", shapes: [[2, 3, 4, 5]], range: 0.5...1) { $0[0].normalisedOverChannels() },
    Operation(name: "batch normalisation", shapes: [[2, 3, 5, 4]]) { inputs in BatchNorm2d(3)(inputs[0]) },
    Operation(name: "largest of 2x2, far apart", shapes: [[2, 3, 5, 4]], step: 1e-4) { $0[0].maxPooled2x2() },
    Operation(name: "masked L1 far from 0", shapes: [[2, 1, 5, 4]], range: 2...3) {
      $0[0].maskedL1(.filled([2, 1, 5, 4], 1), mask: Tensor((0..<40).map { Float($0 % 3) / 2 }, [2, 1, 5, 4]))
    },
    Operation(name: "masked gradient", shapes: [[2, 1, 5, 4]], step: 1e-3) {
      $0[0].maskedGradientL1(.filled([2, 1, 5, 4], 1), mask: Tensor((0..<40).map { Float($0 % 3) / 2 }, [2, 1, 5, 4]))
    },
    Operation(name: "cosine of normals", shapes: [[2, 3, 5, 4]]) {
      $0[0].normalCosineLoss(
        Tensor((0..<120).map { Float($0 % 7) / 7 }, [2, 3, 5, 4]),
        mask: Tensor((0..<40).map { Float($0 % 3) / 2 }, [2, 1, 5, 4]))
    },
  ]

  @Test(arguments: operations, ComputeOptions.Convolution.allCases)
  func matchesDifferences(_ operation: Operation, _ algorithm: ComputeOptions.Convolution) {
    for seed: UInt64 in 1...3 {
      NN.with(ComputeOptions(threads: 2, convolution: algorithm)) {
        var random = SeededRandom(seed: seed, stream: operation.name)
        func draw(_ shape: [Int], _ range: ClosedRange<Double>) -> [Float] {
          (0..<shape.reduce(1, *)).map { _ in Float(random.uniform(range.lowerBound, range.upperBound)) }
        }
        let points = operation.shapes.map { draw($0, operation.range) }
        let directions = operation.shapes.map { draw($0, -1...1) }
        var gradients = [[Float]](repeating: [], count: points.count)
        let inputs = zip(points, operation.shapes).enumerated().map { index, item in
          Tensor(item.0, item.1).variable { gradients[index] = $0.values }
        }
        let y = operation.apply(inputs)
        let weights = draw(y.shape, -1...1)
        y.backward(Tensor(weights, y.shape))
        func total(_ h: Float) -> Double {
          let moved = zip(zip(points, directions), operation.shapes).map { pair, shape in
            Tensor(zip(pair.0, pair.1).map { $0 + h * $1 }, shape)
          }
          return zip(NN.withoutGradients { operation.apply(moved) }.values, weights).reduce(0) {
            $0 + Double($1.0) * Double($1.1)
          }
        }
        let expected = (total(operation.step) - total(-operation.step)) / (2 * Double(operation.step))
        let found = zip(gradients, directions).reduce(0.0) { sum, pair in
          sum + zip(pair.0, pair.1).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
        let size = weights.reduce(0.0) { $0 + abs(Double($1)) }
        #expect(abs(found - expected) < 2e-3 * (abs(expected) + 0.1 * size.squareRoot()), "seed \(seed)")
      }
    }
  }
}
