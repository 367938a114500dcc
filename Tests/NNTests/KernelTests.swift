import Basics
import NN
import Testing

/// Every fast kernel against the definition, on every instruction set that this processor has.
@Suite struct KernelTests {
  static let instructionSets = ComputeOptions.Instructions.allCases.filter { $0 <= .best }

  /// What a random convolution gives forward and backward.
  struct Outcome: Equatable {
    var output: [Float]
    var gradients: [[Float]]
  }

  struct Shape: Sendable, CustomTestStringConvertible {
    var n, c, h, w, k: Int
    var testDescription: String { "\(n)x\(c)x\(h)x\(w) to \(k)" }
  }

  static func random(_ shape: [Int], _ seed: UInt64, _ name: String) -> Tensor {
    var random = SeededRandom(seed: seed, stream: name)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-1, 1)) }, shape)
  }

  /// Output and gradients of `operation` for random inputs of these shapes and a random upstream gradient.
  static func outcome(_ shapes: [[Int]], seed: UInt64 = 5, _ operation: ([Tensor]) -> Tensor) -> Outcome {
    var gradients = [[Float]](repeating: [], count: shapes.count)
    let inputs = shapes.enumerated().map { index, shape in
      random(shape, seed, "input \(index)").variable { gradients[index] = $0.values }
    }
    let y = operation(inputs)
    let output = y.values
    y.backward(random(y.shape, seed, "upstream"))
    return Outcome(output: output, gradients: gradients)
  }

  /// The largest difference relative to the root mean square of the expected values.
  static func error(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let scale = (expected.reduce(0.0) { $0 + Double($1 * $1) } / Double(max(1, expected.count))).squareRoot()
    var worst = 0.0
    for (a, b) in zip(found, expected) {
      let difference = abs(Double(a) - Double(b))
      worst = difference.isNaN ? .infinity : max(worst, difference)
    }
    return worst / max(scale, 1e-30)
  }

  static func expectSame(
    _ found: Outcome, _ expected: Outcome, limit: Double = 4e-5, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let forward = error(found.output, expected.output)
    #expect(forward < limit, "forward", sourceLocation: sourceLocation)
    for (index, pair) in zip(found.gradients, expected.gradients).enumerated() {
      let backward = error(pair.0, pair.1)
      #expect(backward < limit, "gradient \(index)", sourceLocation: sourceLocation)
    }
  }

  func compare(_ set: ComputeOptions.Instructions, _ shapes: [[Int]], _ operation: ([Tensor]) -> Tensor) {
    let expected = NN.with(ComputeOptions(threads: 2, convolution: .reference)) { Self.outcome(shapes, operation) }
    let found = NN.with(ComputeOptions(threads: 2, instructions: set)) { Self.outcome(shapes, operation) }
    Self.expectSame(found, expected)
  }

  static let shapes = [
    Shape(n: 1, c: 16, h: 8, w: 8, k: 16), Shape(n: 2, c: 5, h: 7, w: 9, k: 3), Shape(n: 1, c: 48, h: 13, w: 6, k: 40),
    Shape(n: 3, c: 33, h: 5, w: 30, k: 70), Shape(n: 1, c: 20, h: 1, w: 1, k: 8), Shape(n: 1, c: 2, h: 3, w: 65, k: 1),
  ]

  @Test(arguments: instructionSets, shapes)
  func winograd(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, s.c, s.h, s.w], [s.k, s.c, 3, 3], [s.k]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 3, padding: 1))
    }
  }

  @Test(arguments: instructionSets, shapes)
  func singleInput(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, 1, s.h, s.w], [s.k, 1, 3, 3], [s.k]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 3, padding: 1))
    }
  }

  @Test(arguments: instructionSets, shapes)
  func singleOutput(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, s.c, s.h, s.w], [1, s.c, 3, 3], [1]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 3, padding: 1))
    }
  }

  struct Thin: Sendable, CustomTestStringConvertible {
    var few: Int, many: Int, kernel: (Int, Int), padding: Int, h: Int, w: Int
    var testDescription: String { "\(few) and \(many), \(kernel), padding \(padding), \(h)x\(w)" }
    var geometry: ConvolutionGeometry {
      ConvolutionGeometry(
        kernelHeight: kernel.0, kernelWidth: kernel.1, stride: 1, padding: padding, dilation: 1, groups: 1)
    }
  }

  /// More than one band of rows and strip of columns; lines shorter than a kernel; padding of all sizes.
  static let thin = [
    Thin(few: 1, many: 64, kernel: (9, 9), padding: 4, h: 19, w: 12),
    Thin(few: 3, many: 20, kernel: (5, 5), padding: 2, h: 7, w: 261),
    Thin(few: 4, many: 5, kernel: (9, 9), padding: 8, h: 2, w: 3),
    Thin(few: 1, many: 33, kernel: (5, 7), padding: 0, h: 12, w: 9),
    Thin(few: 2, many: 48, kernel: (7, 5), padding: 3, h: 5, w: 67),
  ]

  @Test(arguments: instructionSets, thin)
  func fromFewChannels(_ set: ComputeOptions.Instructions, _ s: Thin) {
    compare(set, [[2, s.few, s.h, s.w], [s.many, s.few, s.kernel.0, s.kernel.1], [s.many]]) {
      $0[0].convolved($0[1], bias: $0[2], s.geometry)
    }
  }

  @Test(arguments: instructionSets, thin)
  func toFewChannels(_ set: ComputeOptions.Instructions, _ s: Thin) {
    compare(set, [[2, s.many, s.h, s.w], [s.few, s.many, s.kernel.0, s.kernel.1], [s.few]]) {
      $0[0].convolved($0[1], bias: $0[2], s.geometry)
    }
  }

  /// The wide image as a recipe: joined parts, and the normalised values of a batch.
  @Test(arguments: instructionSets)
  func recipesToFewChannels(_ set: ComputeOptions.Instructions) {
    compare(set, [[2, 16, 11, 7], [2, 32, 11, 7], [1, 48, 5, 5]]) {
      Tensor.concatenated([$0[0].channelsLast(), $0[1].channelsLast()])
        .convolved($0[2], ConvolutionGeometry(kernel: 5, padding: 2))
    }
    compareModules(set, [2, 4, 11, 7]) { initialiser in
      ModuleList(named: [
        ("0", Conv2d(4, 20, kernelSize: 3, padding: 1, bias: false, initialiser)), ("1", BatchNorm2d(20)),
        ("2", Conv2d(20, 1, kernelSize: 9, padding: 4, initialiser)),
      ])
    } call: { list, x in
      let modules = list.items.map(\.module)
      guard let first = modules[0] as? Conv2d, let norm = modules[1] as? BatchNorm2d, let last = modules[2] as? Conv2d
      else { preconditionFailure("the list above") }
      return last(x.convolvedNormalisedReLU(first, norm))
    }
  }

  @Test(arguments: instructionSets, shapes)
  func pixelProducts(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, s.c, s.h, s.w], [s.k, s.c, 1, 1], [s.k]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 1))
    }
  }

  @Test(arguments: instructionSets, shapes)
  func transposed(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, s.c, s.h, s.w], [s.c, s.k, 2, 2], [s.k]]) {
      $0[0].convolvedTransposed($0[1], bias: $0[2], ConvolutionGeometry(kernel: 2, stride: 2))
    }
  }

  @Test(arguments: instructionSets, shapes)
  func depthwise(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, s.c, s.h, s.w], [s.c, 1, 3, 3], [s.c]]) {
      $0[0].convolved($0[1], bias: $0[2], ConvolutionGeometry(kernel: 3, padding: 1, groups: s.c))
    }
  }

  /// A convolution that reads two tensors side by side where they lie.
  @Test(arguments: instructionSets, [Shape(n: 2, c: 16, h: 9, w: 7, k: 20), Shape(n: 1, c: 32, h: 4, w: 70, k: 32)])
  func joinedInput(_ set: ComputeOptions.Instructions, _ s: Shape) {
    compare(set, [[s.n, s.c, s.h, s.w], [s.n, 16, s.h, s.w], [s.k, s.c + 16, 3, 3], [s.k]]) {
      Tensor.concatenated([$0[0].channelsLast(), $0[1].channelsLast()])
        .convolved($0[2], bias: $0[3], ConvolutionGeometry(kernel: 3, padding: 1))
    }
  }

  /// A fused block of NAFNet against its single operations: output, gradients of the input and of every parameter. Sizes
  /// beyond one tile of the kernels, and beyond one band.
  @Test(arguments: instructionSets, [[2, 32, 5, 7], [1, 64, 3, 129], [1, 32, 35, 4]])
  func nafBlock(_ set: ComputeOptions.Instructions, _ shape: [Int]) {
    func run(_ convolution: ComputeOptions.Convolution) -> Outcome {
      let initialiser = WeightInitialiser(seed: 9)
      let block = NAFBlock(shape[1], initialiser)
      for (_, parameter) in block.namedParameters {
        parameter.assign(initialiser.uniform(parameter.shape, bound: 0.3))
      }
      var result = NN.with(ComputeOptions(threads: 2, convolution: convolution, instructions: set)) {
        Self.outcome([shape]) { block($0[0]) }
      }
      result.gradients += block.namedParameters.map { $0.parameter.gradient?.values ?? [] }
      return result
    }
    Self.expectSame(run(.fast), run(.reference), limit: 2e-4)
  }

  /// Two convolutions with what stands around them, against single operations.
  @Test(arguments: instructionSets, [[2, 20, 5, 9], [1, 32, 12, 3]])
  func residualBlock(_ set: ComputeOptions.Instructions, _ shape: [Int]) {
    compareModules(set, shape) { initialiser in
      ResidualBlock(shape[1], names: ("first", "second"), factor: 0.5, initialiser)
    } call: {
      $0($1)
    }
  }

  @Test(arguments: instructionSets, [[2, 32, 5, 9], [1, 64, 4, 3]])
  func shuffledConvolution(_ set: ComputeOptions.Instructions, _ shape: [Int]) {
    compareModules(set, shape) {
      ShuffleUpsampler(shape[1], scale: 4, $0)
    } call: {
      $0($1)
    }
  }

  /// Joined images through a normalised convolution and a 1x1 convolution to one channel: the gradients of the parts have
  /// memory of their own where 32 channels divide the first, and that of the normalised values is never stored.
  @Test(arguments: instructionSets, [[32, 16], [32, 32], [16, 32], [64, 48]])
  func joinedInputOfANormalisedConvolution(_ set: ComputeOptions.Instructions, _ channels: [Int]) {
    let whole = channels[0] + channels[1]
    compareModules(set, [2, whole, 7, 9]) { initialiser in
      ModuleList([
        Conv2d(whole, 24, kernelSize: 3, padding: 1, bias: false, initialiser), BatchNorm2d(24),
        Conv2d(24, 1, kernelSize: 1, initialiser),
      ])
    } call: { layers, x in
      guard let convolution = layers.items[0].module as? Conv2d, let norm = layers.items[1].module as? BatchNorm2d,
        let head = layers.items[2].module as? Conv2d
      else {
        Issue.record("these are not the layers that were made")
        return x
      }
      let x = x.channelsLast()
      let parts = [x.channels(0..<channels[0]), x.channels(channels[0]..<whole)]
      return head(Tensor.concatenated(parts).convolvedNormalisedReLU(convolution, norm))
    }
  }

  /// Output, gradient of the input and of every parameter of a module, fast against reference.
  func compareModules<M: Module>(
    _ set: ComputeOptions.Instructions, _ shape: [Int], _ make: (WeightInitialiser) -> M, call: (M, Tensor) -> Tensor
  ) {
    func run(_ convolution: ComputeOptions.Convolution) -> Outcome {
      let module = make(WeightInitialiser(seed: 9))
      var result = NN.with(ComputeOptions(threads: 2, convolution: convolution, instructions: set)) {
        Self.outcome([shape]) { call(module, $0[0]) }
      }
      result.gradients += module.namedParameters.map { $0.parameter.gradient?.values ?? [] }
      return result
    }
    Self.expectSame(run(.fast), run(.reference), limit: 2e-4)
  }

  /// A tensor that is pooled and used besides: the two gradients meet.
  @Test(arguments: instructionSets, [8, 9])
  func poolingBesidesAnotherUse(_ set: ComputeOptions.Instructions, _ side: Int) {
    compare(set, [[2, 20, side, 7], [2, 20, side, 7]]) { x in
      let product = x[0] * x[1]
      return product.maxPooled2x2().resized(height: side, width: 7, .nearest) + product
    }
  }

  @Test(arguments: instructionSets)
  func pooling(_ set: ComputeOptions.Instructions) {
    compare(set, [[2, 20, 9, 7]]) { $0[0].maxPooled2x2() }
  }

  /// The fused operation against its three parts, in training and in evaluation.
  @Test(arguments: instructionSets, shapes.filter { $0.h > 1 })
  func convolutionNormReLU(_ set: ComputeOptions.Instructions, _ s: Shape) {
    for (c, training) in [(1, true), (s.c, true), (s.c, false)] {
      func block(_ fused: Bool) -> (Outcome, [String: StoredTensor]) {
        let initialiser = WeightInitialiser(seed: 9)
        let convolution = Conv2d(c, s.k, kernelSize: 3, padding: 1, initialiser)
        let norm = BatchNorm2d(s.k)
        norm.weight.assign(initialiser.uniform([s.k], bound: 1))
        norm.bias.assign(initialiser.uniform([s.k], bound: 1))
        norm.setTraining(training)
        var result = NN.with(
          ComputeOptions(threads: 2, convolution: fused ? .fast : .reference, instructions: set)
        ) {
          Self.outcome([[s.n, c, s.h, s.w]]) { $0[0].convolvedNormalisedReLU(convolution, norm) }
        }
        for parameter in [convolution.weight, norm.weight, norm.bias] {
          result.gradients.append(parameter.gradient?.values ?? [])
        }
        return (result, norm.stateDictionary())
      }
      let (found, foundState) = block(true)
      let (expected, expectedState) = block(false)
      // A value within rounding of zero may fall on either side of the ReLU: gradients are compared as a whole.
      #expect(Self.error(found.output, expected.output) < 1e-4)
      for (a, b) in zip(found.gradients, expected.gradients) {
        let distance = zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let length = b.reduce(0.0) { $0 + Double($1 * $1) }
        #expect(distance.squareRoot() <= 2e-3 * length.squareRoot() + 1e-6)
      }
      for (name, value) in expectedState where value.type == .float32 {
        #expect(Self.error(foundState[name]?.floats ?? [], value.floats) < 1e-4, "\(name)")
      }
    }
  }

  @Test func foldedEvaluationEqualsItsParts() {
    let initialiser = WeightInitialiser(seed: 9)
    let convolution = Conv2d(19, 24, kernelSize: 3, padding: 1, initialiser)
    let norm = BatchNorm2d(24)
    let x = Self.random([2, 19, 10, 11], 3, "x")
    for _ in 0..<3 { _ = NN.withoutGradients { x.convolvedNormalisedReLU(convolution, norm) } }
    norm.setTraining(false)
    let folded = NN.withoutGradients { x.convolvedNormalisedReLU(convolution, norm) }
    let parts = NN.with(ComputeOptions(convolution: .reference)) {
      NN.withoutGradients { x.convolvedNormalisedReLU(convolution, norm) }
    }
    #expect(Self.error(folded.values, parts.values) < 1e-4)
  }

  /// The same bits for any number of threads, on each instruction set: the networks whose operations are fused.
  @Test(arguments: instructionSets, [32, 16, 8])
  func threadsChangeNothing(_ set: ComputeOptions.Instructions, _ channels: Int) {
    let outcomes = [1, 2, 3, 8].map { threads in
      NN.with(ComputeOptions(threads: threads, instructions: set)) {
        let network = DepthUpResUNet(baseChannels: channels, predictsNormal: true, WeightInitialiser(seed: 3))
        let low = Self.random([2, 1, 12, 20], 3, "low").mapValues { ($0 + 1) / 2 }
        let target = Self.random([2, 1, 48, 80], 3, "target")
        let output = network(NetworkInput(image: low))
        let normals = Tensor.filled([2, 3, 48, 80], 0.5)
        (output.image.depthLoss(target, mask: nil, gradientWeight: 0.5)
          + output[.normals]!.normalCosineLoss(normals, mask: nil)).backward()  // the network has a normal head
        return Outcome(
          output: output.image.values, gradients: network.namedParameters.map { $0.parameter.gradient?.values ?? [] })
      }
    }
    for other in outcomes.dropFirst() { #expect(other == outcomes[0]) }
  }
}

extension KernelTests {
  @Test(arguments: instructionSets)
  func threadsChangeNothingInOtherNetworks(_ set: ComputeOptions.Instructions) throws {
    let descriptions: [JSON] = [
      ["type": "edsr-light", "channels": 32, "blocks": 2], ["type": "srresnet", "channels": 32, "blocks": 1],
      [
        "type": "nafnet", "channels": 32, "encoder_blocks": [1], "middle_blocks": 1, "decoder_blocks": [1], "scale": 4,
      ],
    ]
    for description in descriptions {
      let outcomes = try [1, 2, 3, 8].map { threads in
        try NN.with(ComputeOptions(threads: threads, instructions: set)) {
          let network = try ModelCatalogue.make(description, seed: 3)
          let low = Self.random([2, 1, 10, 34], 3, "low").mapValues { ($0 + 1) / 2 }
          let target = Self.random([2, 1, 40, 136], 3, "target")
          let output = network(NetworkInput(image: low)).image
          output.depthLoss(target, mask: nil, gradientWeight: 0.5).backward()
          return Outcome(
            output: output.values, gradients: network.namedParameters.map { $0.parameter.gradient?.values ?? [] })
        }
      }
      for other in outcomes.dropFirst() { #expect(other == outcomes[0]) }
    }
  }
}

extension Tensor {
  fileprivate func mapValues(_ body: (Float) -> Float) -> Tensor { Tensor(values.map(body), shape) }
}
