import Basics
import Foundation
import NN
import Testing

/// Averages, groups, schedules by steps, validation: everything a run may declare beyond the plain recipe.
@Suite struct TrainerOptionsTests {
  private func configuration() -> TrainerConfiguration {
    var result = TrainerConfiguration()
    (result.epochs, result.batch, result.accumulation) = (2, 2, 1)
    result.learningRate = 2e-3
    result.schedule = .constant
    result.augmentation = Augmentation(patch: 8, flipsHorizontally: true, turns: true)
    result.seed = 7
    return result
  }

  private func network() -> DepthUpResUNet { DepthUpResUNet(baseChannels: 4, WeightInitialiser(seed: 3)) }

  private func trainer(_ configuration: TrainerConfiguration, folder: URL? = nil) -> Trainer {
    Trainer(
      network(), configuration, training: makeExamples(4, seed: 1), validation: makeExamples(2, seed: 2),
      checkpoints: folder)
  }

  @Test func theAverageFollowsItsFormulaAndIsWhatIsKept() throws {
    var settings = configuration()
    settings.averageDecay = 0.75
    settings.epochs = 1
    let run = trainer(settings)
    let name = "out_conv.weight"
    func weights() throws -> [Float] {
      try #require(run.network.namedParameters.first { $0.name == name }).parameter.value.values
    }
    var expected = try weights()
    var live: [Float] = []
    run.onProgress = { _ in
      live = (try? weights()) ?? []  // the name is checked above
      for i in expected.indices { expected[i] = 0.75 * expected[i] + 0.25 * live[i] }
    }
    try run.run()
    let kept = try #require(run.bestState[name]).doubles
    #expect(zip(kept, expected).allSatisfy { abs($0 - Double($1)) < 1e-7 })
    #expect(try weights() == live, "the weights themselves are trained on, not the average")
    #expect(zip(kept, live).contains { abs($0 - Double($1)) > 1e-6 })
  }

  /// Interrupted after every step with everything switched on, the run ends with the same bits.
  @Test func everythingResumesBitForBit() throws {
    var settings = configuration()
    settings.averageDecay = 0.9
    settings.rule = .sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4)
    settings.groups = [
      ParameterGroup(match: ["enc1."], learningRate: 5e-4, weightDecay: 0), ParameterGroup(match: ["bottleneck."]),
    ]
    settings.scheduleUnit = .step
    settings.schedule = .cosineRestarts(periods: [2, 2], weights: [1, 0.5], minimum: 0)
    (settings.loss[.ssim], settings.loss[.charbonnier]) = (0.1, 0.1)
    settings.best = .psnr
    let whole = trainer(settings)
    try whole.run()
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var interruptions = 0
    while true {
      let part = trainer(settings, folder: folder)
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
    #expect(interruptions == 4)
  }

  @Test func groupsHaveTheirOwnRates() throws {
    var settings = configuration()
    settings.rule = .sgd(momentum: 0, nesterov: false, weightDecay: 0)
    // One large step, so that rounding does not hide it.
    (settings.epochs, settings.batch, settings.learningRate) = (1, 4, 0.2)
    settings.groups = [
      ParameterGroup(match: ["enc1."], learningRate: 0), ParameterGroup(match: ["dec1."], learningRate: 2),
    ]
    func changes(_ settings: TrainerConfiguration) throws -> [String: Double] {
      let run = trainer(settings)
      let before = run.network.namedParameters.map { ($0.name, $0.parameter.value.values) }
      try run.run()
      let after = Dictionary(
        uniqueKeysWithValues: run.network.namedParameters.map { ($0.name, $0.parameter.value.values) })
      var result: [String: Double] = [:]
      for (name, values) in before {
        var sum = 0.0
        for (old, new) in zip(values, after[name] ?? []) { sum += Double(abs(old - new)) }
        result[name] = sum
      }
      return result
    }
    let grouped = try changes(settings)
    settings.groups = []
    let plain = try changes(settings)
    #expect(grouped["enc1.0.weight"] == 0 && plain["enc1.0.weight"] != 0)
    #expect(grouped["dec2.0.weight"] == plain["dec2.0.weight"])
    let ratio = try #require(grouped["dec1.0.weight"]) / #require(plain["dec1.0.weight"])
    #expect(abs(ratio - 10) < 0.05, "\(ratio)")
  }

  @Test func stepsDriveTheScheduleWhenAsked() throws {
    var settings = configuration()
    settings.epochs = 3
    settings.schedule = .step(size: 2, factor: 0.1)
    let byEpoch = trainer(settings)
    try byEpoch.run()
    #expect(byEpoch.history.epochs.map(\.learningRate) == [2e-3, 2e-3, 2e-3 * 0.1])
    settings.scheduleUnit = .step
    let byStep = trainer(settings)
    try byStep.run()
    // Two steps in an epoch.
    #expect(byStep.history.epochs.map(\.learningRate) == [2e-3, 2e-3 * 0.1, 2e-3 * pow(0.1, 2)])
  }

  @Test func validationIsAsOftenAndAsLargeAsAsked() throws {
    var settings = configuration()
    (settings.epochs, settings.validationInterval, settings.validationPatch) = (5, 2, 8)
    settings.best = .psnr
    let run = trainer(settings)
    try run.run()
    #expect(run.history.epochs.map { $0.validationL1 != nil } == [false, true, false, true, true])
    let measured = run.history.epochs.filter { $0.validationL1 != nil }
    let best = try #require(measured.compactMap { $0.more["val_psnr"] }.max())
    #expect(run.history.epochs[run.bestEpoch - 1].more["val_psnr"] == best)
    let l1 = try #require(try run.validate()).l1
    settings.validationPatch = nil
    let whole = Trainer(
      run.network, settings, training: makeExamples(1, seed: 1), validation: makeExamples(2, seed: 2), checkpoints: nil)
    #expect(try whole.validate()?.l1 != l1)
  }

  @Test func aBadStepKeepsTheLastGoodCheckpoint() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = configuration()
    settings.epochs = 3
    let run = trainer(settings, folder: folder)
    var saved: Data?
    let file = folder.appending(path: "checkpoint.safetensors")
    run.onProgress = { [network = run.network] progress in
      guard progress.epoch == 2, progress.step == 3 else { return }
      saved = FileManager.default.contents(atPath: file.path)
      let weight = network.namedParameters.first { $0.name == "dec3.3.weight" }?.parameter
      if let weight { weight.assign(.filled(weight.shape, .infinity)) }
    }
    let error = try #require(throws: TrainingError.self) { try run.run() }
    #expect(error.description.contains("epoch 2, step 2"))
    #expect(error.description.contains("`dec3.3`"))
    #expect(error.description.contains("the last good checkpoint is kept"))
    #expect(saved != nil && FileManager.default.contents(atPath: file.path) == saved)
    let again = trainer(settings, folder: folder)
    var notes: [String] = []
    again.onNote = { notes.append($0) }
    try again.run()
    #expect(notes == ["resumed after epoch 1, step 0"])
    let whole = trainer(settings)
    try whole.run()
    #expect(again.bestState == whole.bestState)
  }

  @Test func termsAndScalesAreLogged() throws {
    var settings = configuration()
    settings.loss = .init([.l1: 1, .mse: 1, .deep: 1])
    settings.augmentation = Augmentation()
    settings.epochs = 1
    let network = try ModelCatalogue.make(["type": "dsdmsr", "unit": "vdsr", "channels": 4])
    func source(_ seed: UInt64) -> MemorySource {
      MemorySource(
        makeExamples(2, seed: seed).samples.map { sample in
          // The same truth for a scale of 8.
          let low = (0..<64).map { index -> Float in
            let (y, x) = (index / 8 * 8 + 3, index % 8 * 8 + 3)
            return sample.target[y * 64 + x]
          }
          return TrainingSample(
            name: sample.name, height: 8, width: 8, scale: 8, image: low, target: sample.target, mask: sample.mask)
        })
    }
    let run = Trainer(network, settings, training: source(1), validation: source(2), checkpoints: nil)
    try run.run()
    let epoch = run.history.epochs[0]
    let terms = ["loss_l1", "loss_mse", "loss_deep"].compactMap { epoch.more[$0] }
    #expect(terms.count == 3 && abs(terms.reduce(0, +) - epoch.trainingLoss) < 1e-5)
    for name in ["val_psnr", "val_psnr_x2", "val_psnr_x4", "val_psnr_x8"] {
      #expect(epoch.more[name] != nil, "\(name)")
    }
    let lines = run.history.csv.split(separator: "\n")
    #expect(lines[0].hasPrefix("epoch,learning_rate,train_loss,val_l1,best,loss_deep,loss_l1,loss_mse,val_psnr"))
    #expect(lines[1].split(separator: ",").count == lines[0].split(separator: ",").count)
  }
}
