import Basics
import Foundation
import NN
import Testing

/// The training-only part of DORNet: gating, kernels of the experts, its two losses.
@Suite struct DORNetTrainingTests {
  static func numbers(_ shape: [Int], seed: UInt64, _ range: ClosedRange<Double> = -1...1) -> Tensor {
    var random = SeededRandom(seed: seed)
    return Tensor(
      (0..<shape.reduce(1, *)).map { _ in Float(random.uniform(range.lowerBound, range.upperBound)) }, shape)
  }

  static func noise(_ count: Int, seed: UInt64) -> [Double] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in random.normal() }
  }

  @Test(arguments: [UInt64(1), 2, 3]) func imbalanceHasItsGradient(_ seed: UInt64) {
    let (logits, deviations) = (Self.numbers([5, 4], seed: seed), Self.numbers([5, 4], seed: seed + 10))
    let noise = Self.noise(20, seed: seed)
    func gating(_ logits: Tensor, _ deviations: Tensor) -> NoisyTopGating {
      NoisyTopGating(logits: logits, deviations: deviations, noise: noise, chosen: 3)
    }
    var gradients: [[Float]] = [[], []]
    let variables = [logits, deviations].enumerated().map { index, tensor in
      tensor.variable { gradients[index] = $0.values }
    }
    gating(variables[0], variables[1]).imbalance.backward()
    let step: Float = 2e-3
    for input in 0..<2 {
      for element in 0..<20 {
        let ends = [step, -step].map { shift -> Double in
          var values = [logits.values, deviations.values]
          values[input][element] += shift
          return Double(gating(Tensor(values[0], [5, 4]), Tensor(values[1], [5, 4])).imbalance.item)
        }
        let expected = (ends[0] - ends[1]) / Double(2 * step)
        #expect(abs(Double(gradients[input][element]) - expected) < 2e-3 + 0.02 * abs(expected))
      }
    }
  }

  /// Three of four experts each; a batch that uses them alike is balanced, one that leaves the same expert out is not.
  @Test func gatesChooseByNoisyLogits() {
    let silent = [Double](repeating: 0, count: 16)
    func logits(_ low: [Int]) -> Tensor {
      Tensor(low.flatMap { row in (0..<4).map { $0 == row ? Float(-9) : 0 } }, [4, 4])
    }
    let deviations = Tensor.filled([4, 4], -9)
    let even = NoisyTopGating(logits: logits([0, 1, 2, 3]), deviations: deviations, noise: silent, chosen: 3)
    #expect(even.choices == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    let uneven = NoisyTopGating(logits: logits([3, 3, 3, 3]), deviations: deviations, noise: silent, chosen: 3)
    #expect(uneven.choices == [[Int]](repeating: [0, 1, 2], count: 4))
    // Sums of gates 4/3, 4/3, 4/3, 0: variance 4/9 with Bessel's correction over a mean of 1.
    #expect(even.imbalance.item < uneven.imbalance.item && uneven.imbalance.item > 0.44)
    var loud = silent
    loud[3] = 1e4
    let turned = NoisyTopGating(logits: logits([3, 3, 3, 3]), deviations: deviations, noise: loud, chosen: 3)
    #expect(turned.choices[0].contains(3) && !turned.choices[1].contains(3))
  }

  private struct Setup {
    let network: DORNet
    let depth = numbers([2, 1, 24, 16], seed: 3, 0...1)
    let guide = numbers([2, 3, 24, 16], seed: 4, 0...1)

    init(passesGradient: Bool = true) {
      network = DORNet(
        channels: 8, reduction: 4, scale: 1, degraderGradient: passesGradient, WeightInitialiser(seed: 2))
      let gates = parameters.filter { $0.key.contains("w_gate") || $0.key.contains("w_noise") }
      for (index, gate) in gates.sorted(by: { $0.key < $1.key }).enumerated() {
        gate.value.assign(numbers(gate.value.shape, seed: UInt64(index) + 7, -0.2...0.2))
      }
    }

    var parameters: [String: Parameter] {
      Dictionary(uniqueKeysWithValues: network.namedParameters.map { ($0.name, $0.parameter) })
    }

    /// 0.1 times the L1 of the re-degradation plus 0.02 times the imbalance.
    func loss() -> Tensor {
      var input = NetworkInput(image: depth, guide: guide)
      input.wanted = [AuxiliaryOutput.redegradation.name]
      input.random = RandomStreams(seed: 5, pass: "test")
      let again = network(input)[.redegradation]!  // it is wanted, and there are random numbers
      return again.depth.l1Loss(again.query).affine(0.1) + again.imbalance.affine(0.02)
    }
  }

  /// Along a random direction of each group of parameters.
  @Test(
    arguments: [
      "DecoderMoE.experts", "Dab.dab_list", "Dab.conv", "DecoderMoE.w_gate", "DecoderMoE.w_noise", "R.tail", "Enc.E.3",
      "Dab.fc1", "Dab.c1.backbone.4",
    ])
  func lossesHaveTheirGradient(_ group: String) {
    NN.with(ComputeOptions(threads: 2, convolution: .reference)) {
      let setup = Setup()
      setup.loss().backward()
      let chosen = setup.parameters.filter { $0.key.contains(group) }.sorted { $0.key < $1.key }
      #expect(!chosen.isEmpty)
      var found = 0.0
      var directions: [Tensor] = []
      for (index, item) in chosen.enumerated() {
        let direction = Self.numbers(item.value.shape, seed: UInt64(index) + 30)
        directions.append(direction)
        for (a, b) in zip(item.value.gradient?.values ?? [], direction.values) { found += Double(a) * Double(b) }
      }
      let origins = chosen.map { $0.value.value.values }
      let step: Float = 2e-3
      let ends = [step, -step].map { shift -> Double in
        for (index, item) in chosen.enumerated() {
          let moved = zip(origins[index], directions[index].values).map { $0 + shift * $1 }
          item.value.assign(Tensor(moved, item.value.shape))
        }
        return Double(NN.withoutGradients { setup.loss() }.item)
      }
      let expected = (ends[0] - ends[1]) / Double(2 * step)
      #expect(abs(expected) > 1e-5)
      #expect(abs(found - expected) < 0.03 * abs(expected) + 2e-5, "\(group): \(found), differences say \(expected)")
    }
  }

  /// As in the reference: the re-degradation then reaches its 1x1 convolutions and nothing before them.
  @Test func theGradientCanStopAtTheFilter() {
    func reached(_ setup: Setup) -> Set<String> {
      setup.loss().backward()
      return Set(
        setup.parameters.filter { $0.value.gradient?.values.contains { $0 != 0 } ?? false }.map { name, _ in
          String(name.split(separator: ".").prefix(2).joined(separator: "."))
        })
    }
    let stopped = reached(Setup(passesGradient: false))
    #expect(stopped == ["Dab.c1", "Dab.fc1", "Dab.dab_list", "Dab.DecoderMoE", "Dab.conv"])
    let whole = reached(Setup())
    #expect(whole.isSuperset(of: stopped) && whole.contains("R.tail") && whole.contains("Enc.E"))
  }

  @Test func unlessWantedAndWithRandomNumbersNothingIsDegraded() {
    let setup = Setup()
    var input = NetworkInput(image: setup.depth, guide: setup.guide)
    input.wanted = [AuxiliaryOutput.redegradation.name]
    #expect(setup.network(input)[.redegradation] == nil)
    (input.wanted, input.random) = ([], RandomStreams(seed: 5, pass: "test"))
    #expect(setup.network(input)[.redegradation] == nil)
  }

  // MARK: - Training

  private func makeTrainer(_ folder: URL?, epochs: Int) throws -> Trainer {
    var settings = TrainerConfiguration()
    (settings.epochs, settings.batch, settings.accumulation, settings.seed) = (epochs, 2, 1, 7)
    settings.learningRate = 2e-3
    settings.augmentation = Augmentation(patch: nil, flipsHorizontally: false)
    settings.loss = .init([.l1: 1, .redegradation: 0.1, .gateBalance: 0.02])
    func examples(_ count: Int, seed: UInt64) throws -> MemorySource {
      let plain = makeExamples(count, side: 6, seed: seed)
      return MemorySource(
        try (0..<count).map {
          var sample = try plain.load($0)
          sample.guide = sample.target + sample.target.map { 1 - $0 } + sample.target.map { $0 * $0 }
          return sample
        })
    }
    return Trainer(
      DORNet(channels: 8, reduction: 4, scale: 4, WeightInitialiser(seed: 3)), settings,
      training: try examples(4, seed: 1), validation: try examples(1, seed: 2), checkpoints: folder)
  }

  @Test func lossesFall() throws {
    let trainer = try makeTrainer(nil, epochs: 12)
    try trainer.run()
    let epochs = trainer.history.epochs
    let first = try #require(epochs.first), last = try #require(epochs.last)
    #expect(last.trainingLoss < 0.7 * first.trainingLoss)
    for term in ["loss_l1", "loss_redegradation"] {
      let (before, after) = (try #require(first.more[term]), try #require(last.more[term]))
      #expect(after < before)
    }
    #expect(first.more["loss_gate_balance"] != nil)
  }

  @Test func resumesBitForBit() throws {
    let whole = try makeTrainer(nil, epochs: 3)
    try whole.run()
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }  // what is left there harms nobody
    var runs = 0
    while true {
      let trainer = try makeTrainer(folder, epochs: 3)
      trainer.shouldStop = { true }
      runs += 1
      do {
        try trainer.run()
        #expect(trainer.network.stateDictionary() == whole.network.stateDictionary())
        #expect(trainer.history.epochs == whole.history.epochs)
        break
      } catch is CancellationError { continue }
    }
    #expect(runs > 5)
  }

  @Test func smallMapsAndOtherNetworksAreRefused() throws {
    var settings = TrainerConfiguration()
    settings.epochs = 1
    settings.loss[.redegradation] = 0.1
    settings.augmentation = Augmentation(patch: nil, flipsHorizontally: false)
    for (side, word) in [(2, "16 x 16"), (4, "dornet")] {
      let network: any Network =
        side == 2
        ? DORNet(channels: 8, reduction: 4, scale: 4, WeightInitialiser(seed: 3))
        : EDSRLight(channels: 8, blocks: 1, WeightInitialiser(seed: 3))
      let trainer = Trainer(
        network, settings, training: makeExamples(2, side: side, seed: 1), validation: MemorySource([]),
        checkpoints: nil)
      let error = try #require(throws: TrainingError.self) { try trainer.run() }
      #expect(error.description.contains(word))
    }
  }
}
