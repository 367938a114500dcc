import Basics
import Foundation

/// How far a training run has come.
public struct TrainingProgress: Sendable {
  /// From 1.
  public var epoch: Int
  public var epochs: Int
  /// Optimiser steps done and in all.
  public var step: Int
  public var steps: Int
  /// Mean training loss of the epoch so far.
  public var loss: Double
  public var validationL1: Double?
  public var bestL1: Double?
  /// Seconds to the end at the rate so far.
  public var remaining: Double?
}

/// Trains a network: batches in seeded order, gradient accumulation, validation after every epoch, the best state by
/// validation L1, checkpoints. The result depends on the configuration, the network's first state and the examples, and on
/// nothing else: a run that was interrupted at any point and resumed ends with the same bits.
public final class Trainer {
  public let network: any Network
  public let configuration: TrainerConfiguration
  private let training: any TrainingSource
  private let validation: any TrainingSource
  private let folder: URL?
  private let optimiser: any Optimiser
  private let parameters: [(name: String, parameter: Parameter)]
  private let cache: SampleCache
  private let fingerprint: String

  // The state of the run; together with the network and the optimiser what a checkpoint holds.
  private var epoch = 0
  private var step = 0
  private var lossSum = 0.0
  private var lossWeight = 0.0
  public private(set) var history = History()
  public private(set) var bestL1: Double?
  private var best: [String: StoredTensor] = [:]

  /// Called after every step.
  public var onProgress: ((TrainingProgress) -> Void)?
  /// Called with a line for the log.
  public var onNote: ((String) -> Void)?
  /// Asked after every step; true saves a checkpoint and ends the run with `CancellationError`.
  public var shouldStop: () -> Bool = { false }

  /// - Parameters:
  ///   - validation: may be empty; the last state then counts as the best.
  ///   - folder: where checkpoints go; nil writes none.
  ///   - identity: names the data, so that a checkpoint of other data is not resumed from.
  public init(
    _ network: any Network, _ configuration: TrainerConfiguration, training: any TrainingSource,
    validation: any TrainingSource, checkpoints folder: URL?, identity: String = ""
  ) {
    self.network = network
    self.configuration = configuration
    self.training = training
    self.validation = validation
    self.folder = folder
    parameters = network.namedParameters
    optimiser = configuration.makeOptimiser(parameters)
    cache = SampleCache(limit: configuration.cacheLimit)
    let names =
      (0..<training.count).map { training.name($0) } + ["|"] + (0..<validation.count).map { validation.name($0) }
    fingerprint =
      Digest.of(
        [configuration.fingerprint, identity, names.joined(separator: "\n")].joined(separator: "\n\n")
      ).hex
  }

  /// The parameters and buffers of the best epoch by validation L1.
  public var bestState: [String: StoredTensor] { best }

  /// The epoch, from 1, that `bestState` is of.
  public var bestEpoch: Int { history.epochs.last(where: \.isBest)?.epoch ?? history.epochs.count }

  /// Runs to the end, from the newest checkpoint when there is one.
  /// - Throws: `TrainingError` when a loss or gradient is not finite or the data do not fit, `CancellationError` when asked
  ///   to stop, and what loading an example throws.
  public func run() throws {
    guard training.count > 0 else { throw TrainingError("there are no training examples") }
    try resume()
    let started = (time: Date(), steps: epoch * stepsPerEpoch + step)
    var saved = Date()
    while epoch < configuration.epochs {
      try runEpoch { progress in
        let done = progress.step - started.steps
        var progress = progress
        if done > 0 {
          progress.remaining =
            -started.time.timeIntervalSinceNow / Double(done) * Double(progress.steps - progress.step)
        }
        onProgress?(progress)
        let stop = shouldStop()
        if stop || -saved.timeIntervalSinceNow >= configuration.checkpointInterval {
          try save()
          saved = Date()
        }
        if stop { throw CancellationError() }
      }
      try save()
      saved = Date()
    }
  }

  private var itemsPerEpoch: Int { training.count * configuration.repeats }
  private var batchesPerEpoch: Int { (itemsPerEpoch + configuration.batch - 1) / configuration.batch }
  private var stepsPerEpoch: Int { (batchesPerEpoch + configuration.accumulation - 1) / configuration.accumulation }

  /// The order of an epoch depends on the seed and the epoch's number only, so that resuming needs no generator state.
  private func requests(epoch: Int) -> [BatchLoader.Request] {
    var random = SeededRandom(seed: configuration.seed, stream: "order/\(epoch)")
    let order = random.permutation(itemsPerEpoch)
    return stride(from: 0, to: order.count, by: configuration.batch).map { start in
      BatchLoader.Request(
        items: order[start..<min(order.count, start + configuration.batch)].map {
          (index: $0 % training.count, stream: "augment/\(epoch)/\($0)")
        })
    }
  }

  private func runEpoch(_ afterStep: (TrainingProgress) throws -> Void) throws {
    let all = requests(epoch: epoch)
    let loader = BatchLoader(
      training, configuration.augmentation, seed: configuration.seed,
      requests: Array(all.dropFirst(step * configuration.accumulation)), cache: cache)
    defer { loader.close() }
    let rate = configuration.schedule.rate(at: epoch, base: configuration.learningRate)
    network.setTraining(true)
    while step < stepsPerEpoch {
      network.clearGradients()
      var names: [String] = []
      for _ in 0..<configuration.accumulation {
        guard let samples = try loader.next() else { break }
        let batch = try Batch(samples)
        names += batch.names
        let loss = try accumulate(batch)
        lossSum += Double(loss) * Double(batch.names.count)
        lossWeight += Double(batch.names.count)
      }
      try checkGradients(names)
      optimiser.step(learningRate: rate, gradientScale: parameters.clipGradients(configuration.clipping))
      step += 1
      try afterStep(
        TrainingProgress(
          epoch: epoch + 1, epochs: configuration.epochs, step: epoch * stepsPerEpoch + step,
          steps: configuration.epochs * stepsPerEpoch, loss: lossSum / lossWeight,
          validationL1: history.epochs.last?.validationL1, bestL1: bestL1))
    }
    network.clearGradients()
    try finishEpoch(rate)
  }

  private func finishEpoch(_ rate: Double) throws {
    let l1 = try validate()
    let isBest = l1.map { $0 < (bestL1 ?? .infinity) } ?? true
    if isBest {
      bestL1 = l1 ?? bestL1
      best = network.stateDictionary()
    }
    history.epochs.append(
      History.Epoch(
        epoch: epoch + 1, learningRate: rate, trainingLoss: lossSum / lossWeight, validationL1: l1, isBest: isBest))
    (epoch, step, lossSum, lossWeight) = (epoch + 1, 0, 0, 0)
  }

  /// The loss of a batch; its gradient, divided by the accumulation, is added to the parameters.
  private func accumulate(_ batch: Batch) throws -> Float {
    let output = network(batch.input)
    let loss = try self.loss(output, batch)
    let value = loss.item
    guard value.isFinite else { throw failure("the loss is \(value)", batch) }
    loss.affine(1 / Float(configuration.accumulation)).backward()
    return value
  }

  private func loss(_ output: NetworkOutput, _ batch: Batch) throws -> Tensor {
    let weights = configuration.loss
    var loss = output.depth.maskedL1(batch.target, mask: batch.mask).affine(Float(weights.l1))
    if weights.gradient != 0 {
      loss = loss + output.depth.maskedGradientL1(batch.target, mask: batch.mask).affine(Float(weights.gradient))
    }
    if weights.normals != 0 {
      guard let predicted = output.normal else {
        throw TrainingError("a loss on normals needs a network that predicts them (`predict_normal: true`)")
      }
      guard let target = batch.normal else {
        throw TrainingError("a loss on normals needs normals for `\(batch.names.joined(separator: "`, `"))`")
      }
      loss = loss + predicted.normalCosineLoss(target, mask: batch.mask).affine(Float(weights.normals))
    }
    return loss
  }

  private func failure(_ what: String, _ batch: Batch) -> TrainingError {
    let place: String
    if let input = batch.firstNonFinite() {
      place = "\(input) holds a value that is not finite"
    } else if let layer = Monitor.firstBadLayer(network, batch.input) {
      place = "the first layer with such an output is `\(layer)`"
    } else {
      place = "all layers' outputs are finite; the loss itself overflows"
    }
    return failure("\(what); \(place)", batch.names)
  }

  private func failure(_ what: String, _ names: [String]) -> TrainingError {
    let kept = folder == nil ? "" : "; the last good checkpoint is kept"
    return TrainingError(
      "epoch \(epoch + 1), step \(step + 1), examples `\(names.joined(separator: "`, `"))`: \(what)\(kept). "
        + "Lower the learning rate or clip the gradients")
  }

  /// Backward passes run from the output to the input: the last parameter with a bad gradient is where it began.
  private func checkGradients(_ names: [String]) throws {
    guard !parameters.gradientNorm(order: 1).isFinite else { return }
    let bad = parameters.last { item in item.parameter.gradient.map { $0.values.contains { !$0.isFinite } } ?? false }
    throw failure("the gradient of `\(bad?.name ?? "?")` is not finite", names)
  }

  /// The mean over the validation examples of the masked L1 on whole maps; nil when there are none.
  public func validate() throws -> Double? {
    guard validation.count > 0 else { return nil }
    network.setTraining(false)
    defer { network.setTraining(true) }
    var sum = 0.0
    for index in 0..<validation.count {
      let batch = try Batch([try validation.load(index)])
      let l1 = NN.withoutGradients {
        network(batch.input).depth.maskedL1(batch.target, mask: batch.mask).item
      }
      sum += Double(l1)
    }
    return sum / Double(validation.count)
  }

  // MARK: - Checkpoints

  private func save() throws {
    guard let folder else { return }
    try Checkpoint(
      epoch: epoch, step: step, lossSum: lossSum, lossWeight: lossWeight, history: history, bestL1: bestL1,
      network: network.stateDictionary(), best: best, optimiser: optimiser, fingerprint: fingerprint
    ).write(to: folder)
  }

  private func resume() throws {
    guard let folder else { return }
    var notes: [String] = []
    let found = Checkpoint.read(from: folder, fingerprint: fingerprint, notes: &notes)
    for note in notes { onNote?(note) }
    guard let found else { return }
    try network.load(found.network)
    optimiser.restore(state: found.optimiser.mapValues { Tensor($0) }, steps: found.optimiserSteps)
    (epoch, step, lossSum, lossWeight) = (found.epoch, found.step, found.lossSum, found.lossWeight)
    (history, bestL1, best) = (found.history, found.bestL1, found.best)
    onNote?("resumed after epoch \(epoch), step \(step)")
  }
}
