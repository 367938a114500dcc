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
  let training: any TrainingSource
  let validation: any TrainingSource
  let folder: URL?
  let optimiser: any Optimiser
  let parameters: [(name: String, parameter: Parameter)]
  private let cache: SampleCache
  let identity: TrainingIdentity

  // The state of the run; together with the network and the optimiser what a checkpoint holds.
  var epoch = 0
  var step = 0
  var lossSum = 0.0
  var lossWeight = 0.0
  /// Sums by term, as `lossSum`.
  var termSums: [String: Double] = [:]
  public internal(set) var history = History()
  /// The masked validation L1 of the best epoch, and what made it the best (smaller is better).
  public internal(set) var bestL1: Double?
  var bestScore: Double?
  var best: [String: StoredTensor] = [:]
  let average: MovingAverage?

  /// Seconds for which training waited for examples: in all, and for the first batch of each epoch.
  public private(set) var waited = 0.0
  public private(set) var waitedFirst = 0.0

  /// Called after every step.
  public var onProgress: ((TrainingProgress) -> Void)?
  /// The classes of hardware that worked on this run, in order (`ComputeOptions.hardwareClass`); more than one where it went on
  /// from a checkpoint of another class, `unknown` where that did not say.
  public internal(set) var hardware: [String] = []

  /// Called with a line that people should see.
  public var onWarning: ((String) -> Void)?
  /// Called with a line for the log.
  public var onNote: ((String) -> Void)?
  /// Asked after every step; true saves a checkpoint and ends the run with `CancellationError`.
  public var shouldStop: () -> Bool = { false }

  /// - Parameters:
  ///   - validation: may be empty; the last state then counts as the best.
  ///   - folder: where checkpoints go; nil writes none.
  ///   - data: names the data, so that a checkpoint of other data is not resumed from.
  public init(
    _ network: any Network, _ configuration: TrainerConfiguration, training: any TrainingSource,
    validation: any TrainingSource, checkpoints folder: URL?, data: String = ""
  ) {
    self.network = network
    self.configuration = configuration
    self.training = training
    self.validation = validation
    self.folder = folder
    parameters = network.namedParameters
    optimiser = configuration.makeOptimiser(parameters)
    average = configuration.averageDecay.map { [parameters] in MovingAverage(parameters, decay: $0) }
    cache = SampleCache(limit: configuration.cacheLimit)
    identity = TrainingIdentity(
      configuration, data: data, training: (0..<training.count).map { training.name($0) },
      validation: (0..<validation.count).map { validation.name($0) })
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
    hardware = [NN.options.hardwareClass]
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

  private var stepsPerEpoch: Int { configuration.stepsPerEpoch(examples: training.count) }

  /// The order of an epoch depends on the seed and the epoch's number only, so that resuming needs no generator state.
  private func requests(epoch: Int) -> [BatchLoader.Request] {
    var random = SeededRandom(seed: configuration.seed, stream: "order/\(epoch)")
    let order = random.permutation(training.count * configuration.repeats)
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
    defer {
      loader.close()
      waited += loader.waited
      waitedFirst += loader.waitedFirst
    }
    network.setTraining(true)
    while step < stepsPerEpoch {
      network.clearGradients()
      var names: [String] = []
      for part in 0..<configuration.accumulation {
        guard let samples = try loader.next() else { break }
        let batch = try Batch(samples)
        names += batch.names
        let weight = Double(batch.names.count)
        let loss = try accumulate(batch, weight, part: part)
        lossSum += Double(loss) * weight
        lossWeight += weight
      }
      try checkGradients(names)
      optimiser.step(learningRate: rate(step), gradientScale: parameters.clipGradients(configuration.clipping))
      average?.update()
      step += 1
      try afterStep(
        TrainingProgress(
          epoch: epoch + 1, epochs: configuration.epochs, step: epoch * stepsPerEpoch + step,
          steps: configuration.epochs * stepsPerEpoch, loss: lossSum / lossWeight,
          validationL1: history.epochs.last?.validationL1, bestL1: bestL1))
    }
    network.clearGradients()
    try finishEpoch(rate(0))
  }

  /// The rate of a step of this epoch.
  private func rate(_ step: Int) -> Double {
    let time = configuration.scheduleUnit == .epoch ? epoch : epoch * stepsPerEpoch + step
    return configuration.schedule.rate(at: time, base: configuration.learningRate)
  }

  private func finishEpoch(_ rate: Double) throws {
    let isDue = (epoch + 1) % configuration.validationInterval == 0 || epoch + 1 == configuration.epochs
    let result = isDue ? try validate() : nil
    if let result, !result.l1.isFinite || !result.psnr.isFinite {
      throw failure("the validation L1 is \(result.l1)", (0..<validation.count).prefix(1).map { validation.name($0) })
    }
    let score = result.map { configuration.best == .l1 ? $0.l1 : -$0.psnr }
    // Without validation examples the last epoch counts as the best.
    let isBest = score.map { $0 < (bestScore ?? .infinity) } ?? (validation.count == 0)
    if isBest {
      (bestScore, bestL1) = (score, result?.l1)
      best = withAverage { network.stateDictionary() }
    }
    var more = Dictionary(uniqueKeysWithValues: termSums.map { ("loss_\($0.key)", $0.value / lossWeight) })
    if let result {
      more["val_psnr"] = result.psnr
      for (name, value) in result.scales { more["val_psnr_\(name)"] = value }
    }
    history.epochs.append(
      History.Epoch(
        epoch: epoch + 1, learningRate: rate, trainingLoss: lossSum / lossWeight, validationL1: result?.l1,
        isBest: isBest, more: more))
    (epoch, step, lossSum, lossWeight, termSums) = (epoch + 1, 0, 0, 0, [:])
  }

  /// The loss of a batch; its gradient, divided by the accumulation, is added to the parameters.
  private func accumulate(_ batch: Batch, _ weight: Double, part: Int) throws -> Float {
    var input = batch.input
    try configuration.loss.check(batch)
    input.wanted = configuration.loss.outputs
    input.random = RandomStreams(seed: configuration.seed, pass: "\(epoch)/\(step)/\(part)")
    let loss = try BatchLoss(network(input), batch, configuration.loss)
    let total = loss.total
    let value = total.item
    guard value.isFinite else { throw failure("the loss is \(value)", batch) }
    if loss.terms.count > 1 {
      for (name, term) in loss.terms { termSums[name, default: 0] += Double(term.item) * weight }
    }
    total.affine(1 / Float(configuration.accumulation)).backward()
    return value
  }

  /// Calls `body` with the averaged weights in place, where there are any.
  func withAverage<Result>(_ body: () throws -> Result) rethrows -> Result {
    try average?.inPlace(body) ?? body()
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
}
