import Basics
import Foundation
import NN
import Testing

/// Small discs and ramps: enough for a network to learn something.
func makeExamples(_ count: Int, side: Int = 16, seed: UInt64, normals: Bool = false) -> MemorySource {
  MemorySource(
    (0..<count).map { index in
      var random = SeededRandom(seed: seed, stream: "example/\(index)")
      let (cx, cy, r) = (random.uniform(0.3, 0.7), random.uniform(0.3, 0.7), random.uniform(0.2, 0.35))
      let high = side * 4
      var target = [Float](repeating: 0, count: high * high)
      var mask = target
      for y in 0..<high {
        for x in 0..<high {
          let (dx, dy) = (Double(x) / Double(high) - cx, Double(y) / Double(high) - cy)
          let inside = r * r - dx * dx - dy * dy
          if inside > 0 {
            target[y * high + x] = Float(0.3 + inside.squareRoot() + 0.02 * sin(40 * dx))
            mask[y * high + x] = 1
          }
        }
      }
      let depth = (0..<side * side).map { target[($0 / side * 4 + 1) * high + $0 % side * 4 + 1] }
      var normal: [Float]?
      if normals {
        normal = (0..<3 * high * high).map { $0 / (high * high) == 2 ? -1 : 0 }
      }
      return TrainingSample(
        name: "example \(index)", height: side, width: side, scale: 4, image: depth, target: target, mask: mask,
        normal: normal)
    })
}

func temporaryFolder() -> URL {
  FileManager.default.temporaryDirectory.appending(path: "nn-\(UUID().uuidString)")
}

@Suite struct TrainerTests {
  func configuration() -> TrainerConfiguration {
    var configuration = TrainerConfiguration()
    configuration.epochs = 3
    configuration.batch = 2
    configuration.accumulation = 2
    configuration.learningRate = 2e-3
    configuration.schedule = .cosine(period: 3, minimum: 0)
    configuration.augmentation = Augmentation(patch: 8, flipsHorizontally: true)
    configuration.seed = 7
    return configuration
  }

  func makeTrainer(_ folder: URL?, _ configuration: TrainerConfiguration, threads: Int = 2) -> Trainer {
    Trainer(
      DepthUpResUNet(baseChannels: 4, WeightInitialiser(seed: 3)), configuration,
      training: makeExamples(7, seed: 1), validation: makeExamples(2, seed: 2), checkpoints: folder)
  }

  @Test func lossFallsAndTheBestEpochIsKept() throws {
    var settings = configuration()
    settings.epochs = 8
    settings.repeats = 2
    let trainer = makeTrainer(nil, settings)
    try trainer.run()
    let epochs = trainer.history.epochs
    #expect(epochs.count == 8)
    #expect(epochs[7].trainingLoss < epochs[0].trainingLoss)
    let least = try #require(epochs.compactMap(\.validationL1).min())
    #expect(trainer.bestL1 == least)
    #expect(epochs[trainer.bestEpoch - 1].validationL1 == least)
  }

  @Test func sameBitsForAnyNumberOfThreads() throws {
    let results = try [1, 2, 3, 8].map { threads in
      try NN.with(ComputeOptions(threads: threads)) {
        let trainer = makeTrainer(nil, configuration())
        try trainer.run()
        return trainer.network.stateDictionary()
      }
    }
    for other in results.dropFirst() { #expect(other == results[0]) }
  }

  /// Stopped after every possible number of steps in turn, resumed by a new trainer, the run ends with the same bits.
  @Test func resumesBitForBit() throws {
    let whole = makeTrainer(nil, configuration())
    try whole.run()
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var interruptions = 0
    while true {
      let part = makeTrainer(folder, configuration())
      var steps = 0
      part.onProgress = { _ in steps += 1 }
      part.shouldStop = { steps == 1 }
      do {
        try part.run()
      } catch is CancellationError {
        interruptions += 1
        continue
      }
      #expect(part.network.stateDictionary() == whole.network.stateDictionary())
      #expect(part.bestState == whole.bestState)
      #expect(part.history == whole.history)
      break
    }
    #expect(interruptions == 6)  // two steps in each of three epochs, stopped after each
  }

  @Test func aDamagedCheckpointFallsBackToThePreviousOne() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    try makeTrainer(folder, configuration()).run()
    let file = folder.appending(path: "checkpoint.safetensors")
    try Data(contentsOf: file).prefix(1000).write(to: file)
    let again = makeTrainer(folder, configuration())
    var notes: [String] = []
    again.onNote = { notes.append($0) }
    try again.run()
    #expect(notes.count == 2)
    #expect(notes[0].contains("checkpoint.safetensors"))
    #expect(notes[1].hasPrefix("resumed after epoch 2"))
    let whole = makeTrainer(nil, configuration())
    try whole.run()
    #expect(again.network.stateDictionary() == whole.network.stateDictionary())
  }

  @Test func aLossThatIsNotFiniteNamesEpochStepExamplesAndLayer() throws {
    let network = DepthUpResUNet(baseChannels: 4, WeightInitialiser(seed: 3))
    let weight = try #require(network.namedParameters.first { $0.name == "dec3.3.weight" }).parameter
    weight.assign(Tensor.filled(weight.shape, .infinity))
    let trainer = Trainer(
      network, configuration(), training: makeExamples(4, seed: 1), validation: MemorySource([]), checkpoints: nil)
    let error = try #require(throws: TrainingError.self) { try trainer.run() }
    #expect(error.description.contains("epoch 1, step 1"))
    #expect(error.description.contains("`example "))
    #expect(error.description.contains("`dec3.3`"))
  }

  @Test func aBadInputIsNamed() throws {
    var source = makeExamples(4, seed: 1)
    source.samples[2].target[source.samples[2].target.count / 2] = .nan
    var settings = configuration()
    settings.augmentation = Augmentation()
    let trainer = Trainer(
      DepthUpResUNet(baseChannels: 4, WeightInitialiser(seed: 3)), settings, training: source,
      validation: MemorySource([]), checkpoints: nil)
    let error = try #require(throws: TrainingError.self) { try trainer.run() }
    #expect(error.description.contains("the target of `example 2`"))
  }
}
