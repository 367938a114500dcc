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
      let algorithms = item.name.contains("convolution") ? ComputeOptions.Convolution.allCases : [.direct]
      for algorithm in algorithms {
        let label = "\(item.name), seed \(seed), \(algorithm), \(problem.inputs.map(\.shape)) \(problem.detail)"
        NN.with(ComputeOptions(threads: 2, convolution: algorithm)) {
          var random = random
          check(problem, item.tolerance * (algorithm == .fast ? 4 : 1), label, &random)
        }
      }
    }
  }

  private func check(_ problem: DoubleProblem, _ tolerance: Double, _ label: String, _ random: inout SeededRandom) {
    let expected = problem.reference(problem.inputs)
    let upstream = Grid(expected.shape, &random)
    var gradients = problem.inputs.map { Grid($0.shape) }
    let variables = problem.inputs.enumerated().map { index, grid in
      Tensor(grid.floats, grid.shape).variable { gradients[index].values = $0.values.map { Double($0) } }
    }
    let result = problem.operation(variables)
    #expect(result.shape == expected.shape, "\(label)")
    guard result.shape == expected.shape else { return }
    compare(result.values.map { Double($0) }, expected.values, tolerance, "value of \(label)")
    (result * Tensor(upstream.floats, expected.shape)).sum().backward()

    for input in problem.inputs.indices {
      // All elements of small inputs, some of large ones.
      let count = problem.inputs[input].values.count
      let places = count <= 40 ? Array(0..<count) : (0..<40).map { _ in random.index(below: count) }
      let step = 1e-5
      let differences = places.map { place in
        let ends = [step, -step].map { shift -> Double in
          var moved = problem.inputs
          moved[input].values[place] += shift
          return zip(problem.reference(moved).values, upstream.values).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return (ends[0] - ends[1]) / (2 * step)
      }
      let scale = gradients[input].values.map { abs($0) }.max() ?? 0
      compare(
        places.map { gradients[input].values[$0] }, differences, tolerance, scale: scale,
        "gradient of input \(input) of \(label)")
    }
  }

  private func compare(
    _ found: [Double], _ expected: [Double], _ tolerance: Double, scale: Double = 0, _ label: String
  ) {
    let size = max(scale, expected.map { abs($0) }.max() ?? 0, 1e-3)
    let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(worst <= tolerance * size, "\(label): differs by \(worst), largest value \(size)")
  }
}
