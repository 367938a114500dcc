import Basics
import NN
import Testing

/// What is done differently outside of training: more in one pass, filters that stay packed, and the large images that are
/// written past the caches.
@Suite struct EvaluationTests {
  static func evaluated(_ network: any Network, _ low: Tensor) -> [Float] {
    network.setTraining(false)
    return NN.withoutGradients { network(NetworkInput(image: low)).image.values }
  }

  static func low(_ shape: [Int]) -> Tensor {
    Tensor(KernelTests.random(shape, 3, "low").values.map { ($0 + 1) / 2 }, shape)
  }

  /// Pooling and a 1x1 convolution to one channel in the pass of the convolution before give the bits of their own passes,
  /// on sizes that tiles and blocks do not divide.
  @Test(
    arguments: KernelTests.instructionSets,
    [[1, 5, 7, 9, 3], [2, 33, 6, 13, 20], [1, 16, 9, 8, 32], [2, 16, 5, 4, 70]])
  func onePassHasTheBitsOfSeveral(_ set: ComputeOptions.Instructions, _ s: [Int]) {
    let initialiser = WeightInitialiser(seed: 9)
    let convolution = Conv2d(s[1], s[4], kernelSize: 3, padding: 1, initialiser)
    let head = Conv2d(s[4], 1, kernelSize: 1, initialiser)
    let norm = BatchNorm2d(s[4])
    let x = KernelTests.random(Array(s[0..<4]), 3, "x")
    NN.with(ComputeOptions(threads: 2, instructions: set)) {
      NN.withoutGradients {
        for _ in 0..<3 { _ = x.convolvedNormalisedReLU(convolution, norm) }
        norm.setTraining(false)
        let plain = x.convolvedNormalisedReLU(convolution, norm)
        let (whole, pooled) = x.convolvedNormalisedReLUAndPooled(convolution, norm)
        #expect(whole.values == plain.values)
        #expect(pooled.shape == [s[0], s[4], s[2] / 2, s[3] / 2])
        #expect(pooled.values == plain.maxPooled2x2().values)
        let projected = x.convolvedNormalisedReLUAndProjected(convolution, norm, by: head)
        #expect(projected.shape == [s[0], 1, s[2], s[3]])
        #expect(projected.values == head(plain).values)
      }
      NN.with(ComputeOptions(threads: 2, instructions: set, precision: .bf16)) {
        NN.withoutGradients {
          let (whole, pooled) = x.convolvedNormalisedReLUAndPooled(convolution, norm)
          #expect(pooled.values == whole.maxPooled2x2().values)
        }
      }
    }
  }

  /// The same network with and without what only evaluation without gradients does.
  @Test(arguments: KernelTests.instructionSets) func fusedNetworkEqualsItsParts(_ set: ComputeOptions.Instructions) {
    NN.with(ComputeOptions(threads: 2, instructions: set)) {
      let network = DepthUpResUNet(baseChannels: 16, WeightInitialiser(seed: 3))
      let low = Self.low([2, 1, 12, 20])
      for _ in 0..<2 { _ = network(NetworkInput(image: low)) }  // statistics
      let fused = Self.evaluated(network, low)
      #expect(KernelTests.error(fused, network(NetworkInput(image: low)).image.values) < 1e-5)
    }
  }

  /// Filters that stay packed never outlive the weights, the instruction set or the factors that they were made of.
  @Test func keptFiltersFollowTheirWeights() throws {
    let descriptions: [JSON] = [
      ["type": "depth-upres-unet", "base_channels": 8], ["type": "edsr-light", "channels": 32, "blocks": 1],
      ["type": "srresnet", "channels": 32, "blocks": 1],
    ]
    let low = Self.low([1, 1, 12, 20])
    for description in descriptions {
      let network = try ModelCatalogue.make(description, seed: 1)
      let first = Self.evaluated(network, low)
      #expect(Self.evaluated(network, low) == first)
      for set in KernelTests.instructionSets {
        NN.with(ComputeOptions(instructions: set)) {
          let fresh = try? ModelCatalogue.make(description, seed: 1)
          #expect(fresh.map { Self.evaluated($0, low) } == Self.evaluated(network, low), "\(set)")
        }
      }

      // A step of training changes weights in place, and the factors of a normalisation besides.
      let trained = try ModelCatalogue.make(description, seed: 1)
      for network in [network, trained] {
        network.setTraining(true)
        network.clearGradients()
        network(NetworkInput(image: low)).image.depthLoss(.filled([1, 1, 48, 80], 0.5), mask: nil, gradientWeight: 0.5)
          .backward()
        SGD(network.namedParameters).step(learningRate: 0.1)
      }
      let second = Self.evaluated(network, low)
      #expect(second != first)
      #expect(second == Self.evaluated(trained, low))

      let other = try ModelCatalogue.make(description, seed: 2)
      try network.load(other.stateDictionary())
      #expect(Self.evaluated(network, low) == Self.evaluated(other, low))
    }
  }

  /// Images of more than 50 MB are written past the caches: seven of them at once against each alone.
  @Test(arguments: KernelTests.instructionSets) func largeImagesHaveTheSameBits(_ set: ComputeOptions.Instructions) {
    let side = 256
    let x = KernelTests.random([7, 1, side, side], 3, "x")
    let upstream = KernelTests.random([7, 1, side, side], 4, "upstream")
    let initialiser = WeightInitialiser(seed: 9)
    let first = Conv2d(1, 32, kernelSize: 3, padding: 1, initialiser)
    let up = ConvTranspose2d(32, 32, kernelSize: 2, stride: 2, initialiser)
    let second = Conv2d(32, 32, kernelSize: 3, padding: 1, initialiser)
    let head = Conv2d(32, 1, kernelSize: 1, initialiser)
    /// Output and gradient of the images.
    func outcome(_ range: Range<Int>) -> [[Float]] {
      func part(_ tensor: Tensor) -> Tensor {
        Tensor(
          Array(tensor.values[range.lowerBound * side * side..<range.upperBound * side * side]),
          [range.count, 1, side, side])
      }
      var gradient: [Float] = []
      let input = part(x).variable { gradient = $0.values }
      let wide = first(input)
      let output = head(second(up(wide.maxPooled2x2()) + wide))
      output.backward(part(upstream))
      return [output.values, gradient]
    }
    NN.with(ComputeOptions(threads: 2, instructions: set)) {
      let together = outcome(0..<7)
      let alone = (0..<7).map { outcome($0..<$0 + 1) }
      for i in 0..<2 { #expect(together[i] == alone.flatMap { $0[i] }) }

      // A recipe that is made at last.
      let norm = BatchNorm2d(32)
      let found = x.convolvedNormalisedReLU(first, norm).values
      let expected = NN.with(ComputeOptions(convolution: .direct)) { norm(first(x)).relu().values }
      #expect(KernelTests.error(found, expected) < 1e-4)
    }
  }
}
