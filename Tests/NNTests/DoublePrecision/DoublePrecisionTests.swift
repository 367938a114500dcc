import Basics
import Foundation
import NN
import Testing

/// One operation at shapes drawn at random: its inputs, its definition in doubles, and the library's form of it.
struct DoubleProblem {
  /// What was drawn besides the shapes, for messages.
  var detail = ""
  var inputs: [Grid]
  var reference: ([Grid]) -> Grid
  var operation: ([Tensor]) -> Tensor
}

struct DoubleCase: Sendable, CustomTestStringConvertible {
  var name: String
  /// Largest error of values and gradients, relative to the largest of them; single precision and the sizes of the sums
  /// decide it.
  var tolerance = 2e-5
  var draw: @Sendable (inout SeededRandom) -> DoubleProblem
  var testDescription: String { name }
}

/// Values and gradients of every operation against its definition in double precision, at random shapes: odd sizes, strides,
/// dilation, groups, several images. Gradients of the definition are central differences in double precision, element by
/// element. A failure names the seed; GRADIENT_SEED adds one.
@Suite struct DoublePrecisionTests {
  static let seeds: [UInt64] =
    [1, 2, 3, 4] + (ProcessInfo.processInfo.environment["GRADIENT_SEED"].flatMap(UInt64.init).map { [$0] } ?? [])

  @Test(arguments: doubleCases) func matchesItsDefinition(_ item: DoubleCase) {
    for seed in Self.seeds {
      var random = SeededRandom(seed: seed, stream: item.name)
      let problem = item.draw(&random)
      let truth = Definition(problem, &random)
      let algorithms = item.name.contains("convolution") ? ComputeOptions.Convolution.allCases : [.direct]
      for algorithm in algorithms {
        let label = "\(item.name), seed \(seed), \(algorithm), \(problem.inputs.map(\.shape)) \(problem.detail)"
        NN.with(ComputeOptions(threads: 2, convolution: algorithm)) {
          check(problem, truth, item.tolerance * (algorithm == .fast ? 4 : 1), label)
        }
      }
    }
  }

  /// What the definition of an operation says: its value, and the derivatives of the value times random weights.
  private struct Definition {
    var value: Grid
    var weights: Grid
    /// For each input some elements, and the derivative by each of them: all of small inputs.
    var derivatives: [[(place: Int, value: Double)]] = []

    init(_ problem: DoubleProblem, _ random: inout SeededRandom) {
      value = problem.reference(problem.inputs)
      weights = Grid(value.shape, &random)
      let step = 1e-5
      for input in problem.inputs.indices {
        let count = problem.inputs[input].values.count
        let places = count <= 40 ? Array(0..<count) : (0..<40).map { _ in random.index(below: count) }
        var found: [(place: Int, value: Double)] = []
        for place in places {
          var ends: [Double] = []
          for shift in [step, -step] {
            var moved = problem.inputs
            moved[input].values[place] += shift
            ends.append(total(problem.reference(moved)))
          }
          found.append((place, (ends[0] - ends[1]) / (2 * step)))
        }
        derivatives.append(found)
      }
    }

    private func total(_ result: Grid) -> Double {
      var sum = 0.0
      for (value, weight) in zip(result.values, weights.values) { sum += value * weight }
      return sum
    }
  }

  private func check(_ problem: DoubleProblem, _ truth: Definition, _ tolerance: Double, _ label: String) {
    var gradients = problem.inputs.map { Grid($0.shape) }
    let variables = problem.inputs.enumerated().map { index, grid in
      Tensor(grid.floats, grid.shape).variable { gradients[index].values = $0.values.map { Double($0) } }
    }
    let result = problem.operation(variables)
    #expect(result.shape == truth.value.shape, "\(label)")
    guard result.shape == truth.value.shape else { return }
    compare(result.values.map { Double($0) }, truth.value.values, tolerance, "value of \(label)")
    (result * Tensor(truth.weights.floats, truth.value.shape)).sum().backward()
    for (input, derivatives) in truth.derivatives.enumerated() {
      let gradient = gradients[input].values
      compare(
        derivatives.map { gradient[$0.place] }, derivatives.map(\.value), tolerance,
        scale: gradient.map { abs($0) }.max() ?? 0, "gradient of input \(input) of \(label)")
    }
  }

  private func compare(
    _ found: [Double], _ expected: [Double], _ tolerance: Double, scale: Double = 0, _ label: String
  ) {
    let size = max(scale, expected.map { abs($0) }.max() ?? 0, 1e-3)
    var worst = 0.0
    for (a, b) in zip(found, expected) { worst = max(worst, abs(a - b)) }
    #expect(worst <= tolerance * size, "\(label): differs by \(worst), largest value \(size)")
  }
}
