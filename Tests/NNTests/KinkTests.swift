import Basics
import Foundation
import NN
import ParityHarness
import Testing

/// Imposing the sides of kinks: what it moves, what it reports, and that it hides nothing else.
@Suite struct KinkTests {
  struct Operation: Sendable, CustomTestStringConvertible {
    var name: String
    var shapes: [[Int]]
    var shift: Float = 0.02
    /// Of the first input and a number added to what kinks.
    var body: @Sendable ([Tensor], Float) -> Tensor
    var testDescription: String { name }
  }

  static let operations: [Operation] = [
    Operation(name: "relu", shapes: [[2, 3, 9, 8]]) { x, shift in x[0].shifted(shift).relu() },
    Operation(name: "relu, contiguous", shapes: [[70]]) { x, shift in x[0].shifted(shift).relu() },
    Operation(name: "leaky relu", shapes: [[2, 3, 9, 8]]) { x, shift in x[0].shifted(shift).leakyReLU(0.1) },
    Operation(name: "prelu", shapes: [[2, 3, 9, 8], [1]]) { x, shift in x[0].shifted(shift).prelu(x[1]) },
    Operation(name: "clamp", shapes: [[2, 3, 9, 8]]) { x, shift in x[0].shifted(shift).clamped(-0.5, 0.5) },
    Operation(name: "pooling", shapes: [[2, 3, 9, 8]]) { x, shift in
      let sign = Tensor((0..<x[0].count).map { $0 % 2 == 0 ? shift : -shift }, x[0].shape)
      return (x[0] + sign).maxPooled2x2()
    },
    Operation(
      name: "deformable convolution", shapes: [[1, 2, 9, 8], [1, 18, 9, 8], [1, 9, 9, 8], [3, 2, 3, 3]], shift: 0.005
    ) { x, shift in
      x[0].deformablyConvolved(
        offsets: x[1].shifted(shift), factors: x[2], x[3], ConvolutionGeometry(kernel: 3, padding: 1))
    },
    Operation(name: "normalised convolution", shapes: [[2, 3, 9, 8]]) { x, shift in
      let layers = (Conv2d(3, 20, kernelSize: 3, padding: 1, WeightInitialiser(seed: 1)), BatchNorm2d(20))
      layers.1.bias.assign(.filled([20], shift))
      return x[0].convolvedNormalisedReLU(layers.0, layers.1)
    },
    Operation(name: "residual block", shapes: [[2, 16, 9, 8]]) { x, shift in
      let block = ResidualBlock(16, names: ("a", "b"), WeightInitialiser(seed: 1))
      let (_, bias) = block.namedParameters.first { $0.name == "a.bias" }!  // the block has one
      bias.assign(.filled([16], shift))
      return block(x[0])
    },
  ]

  /// A shift moves some arguments over their kinks. With the sides imposed the gradient is the one without the shift; without
  /// them some elements of it are far off.
  @Test(arguments: KernelTests.instructionSets, operations)
  func gradientsKeepTheirSides(_ set: ComputeOptions.Instructions, _ operation: Operation) {
    let shift = operation.shift
    func run(_ shift: Float, _ convolution: ComputeOptions.Convolution) -> KernelTests.Outcome {
      NN.with(ComputeOptions(threads: 2, convolution: convolution, instructions: set)) {
        KernelTests.outcome(operation.shapes) { operation.body($0, shift) }
      }
    }
    let (exact, kinks) = Kinks.recorded { run(0, .reference) }
    let free = run(shift, .fast)
    let (bound, moved) = kinks.imposed { run(shift, .fast) }
    #expect(moved.isComplete && moved.count > 0 && moved.count < moved.total)
    // At most the shift, or twice of it, in units of 2^-24 of arguments of at least 0.7.
    #expect(moved.farthest > 10 && moved.farthest < 1e6)
    #expect(KernelTests.error(bound.output, exact.output) < 0.08)
    #expect(KernelTests.error(bound.gradients[0], exact.gradients[0]) < 0.08)
    if operation.name != "deformable convolution" {
      #expect(KernelTests.error(free.gradients[0], exact.gradients[0]) > 0.12)
    } else {
      #expect(KernelTests.error(bound.gradients[1], exact.gradients[1]) < 0.08)
      #expect(KernelTests.error(free.gradients[1], exact.gradients[1]) > 0.12)
    }
  }

  @Test func equalSidesMoveNothing() {
    let (_, kinks) = Kinks.recorded { KernelTests.outcome([[2, 3, 9, 8]]) { $0[0].relu() } }
    let (_, moved) = kinks.imposed { KernelTests.outcome([[2, 3, 9, 8]]) { $0[0].relu() } }
    #expect(moved.count == 0 && moved.total == 2 * 3 * 9 * 8 && moved.farthest == 0 && moved.isComplete)
  }

  @Test func otherOperationsAreNoticed() {
    let (_, kinks) = Kinks.recorded { KernelTests.outcome([[8]]) { $0[0].relu() } }
    #expect(!kinks.imposed { KernelTests.outcome([[9]]) { $0[0].relu() } }.moved.isComplete)
    #expect(!kinks.imposed { KernelTests.outcome([[8]]) { $0[0].relu().relu() } }.moved.isComplete)
    #expect(!kinks.imposed({}).moved.isComplete)
  }

  // MARK: - The harness

  /// One argument lies `distance` above 0 exactly and as far below with the fast algorithm, whose gradient is off by a factor.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var distance: Float
    var factor: Float = 1
    var passes: Bool
  }

  static let faults = [
    Fault(testDescription: "rounding", distance: 1e-7, passes: true),
    Fault(testDescription: "farther than rounding", distance: 1e-5, passes: false),
    Fault(testDescription: "no turn, wrong gradient", distance: 0, factor: 1.001, passes: false),
    Fault(testDescription: "rounding and a wrong gradient", distance: 1e-7, factor: 1.001, passes: false),
  ]

  @Test(arguments: faults) func theHarnessForgivesRoundingAlone(_ fault: Fault) throws {
    let operation = ParityOperation(group: "models", patterns: ["toy"]) { _, check in
      let isFast = NN.options.convolution == .fast
      var gradient: [Float] = []
      let x = Tensor([1, isFast ? -fault.distance : fault.distance, -0.5, 0.25], [4]).variable { gradient = $0.values }
      let upstream = Tensor([0.5, 0.75, 1, 2], [4])
      let product = x.relu() * upstream
      (isFast ? product.withGradient(times: fault.factor) : product).sum().backward()
      check.compare(
        "gradient", gradient.map { Double($0) }, [4], [0.5, fault.distance > 0 ? 0.75 : 0, 0, 2], [4],
        Tolerance(relative: 1e-5, absolute: 1e-6))
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "parity-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // what is left there harms nobody
    try Data(#"{"cases": [{"case": "toy", "group": "models", "file": "toy", "op": "toy"}]}"#.utf8)
      .write(to: folder.appending(path: "cases.json"))
    let runner = try ParityRunner(
      folder: folder, options: ComputeOptions(threads: 1, convolution: .fast), operations: [operation])
    switch runner.run(runner.cases[0]) {
    case .passed(_, let moved): #expect(fault.passes && moved?.count == 1)
    case .failed: #expect(!fault.passes)
    case .skipped(let reason), .unknownKind(let reason): Issue.record("not checked: \(reason)")
    }
  }

  /// Kernels with the rounding of bfloat16 in place of float32 are wrong kernels: sides do not save them.
  @Test(.enabled(if: Fixtures.present, "needs the shared fixtures")) func coarseKernelsFail() throws {
    for (precision, passes) in [(ComputeOptions.Precision.float32, true), (.bf16, false)] {
      let runner = try ParityRunner(
        folder: #require(Fixtures.folder), options: ComputeOptions(threads: 2, convolution: .fast, precision: precision)
      )
      let item = try #require(runner.cases.first { $0.id == "models/srresnet" })
      if case .passed = runner.run(item) { #expect(passes) } else { #expect(!passes) }
    }
  }
}

extension Tensor {
  fileprivate func shifted(_ shift: Float) -> Tensor { affine(1, shift) }

  /// These values with a backward pass that is off by a factor.
  fileprivate func withGradient(times factor: Float) -> Tensor {
    Tensor(values, shape).recorded([self]) { gradient, _ in [gradient.affine(factor)] }
  }
}
