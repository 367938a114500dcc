import Basics
import NN
import Pipeline

extension Train {
  enum OptimizerName: String, ParameterChoice { case adamw, adam, sgd }
  enum ScheduleUnit: String, ParameterChoice { case epoch, step }
  enum Criterion: String, ParameterChoice { case l1, psnr }

  /// Parameters of the network with a rate or decay of their own.
  struct Group: StageParameters {
    var match: [String] = []
    var learningRate: Double?
    var weightDecay: Double?
    static let fields: [ParameterField<Self>] = [
      .init(
        "match", \.match, "Beginnings of names of the state dictionary, such as `relative_encoder.`.", required: true),
      .init(
        "learning_rate", \.learningRate, "Rate in place of the run's; the schedule changes both alike; 0: frozen.",
        type: .optional(.double(0...10))),
      .init(
        "weight_decay", \.weightDecay, "Decay in place of the run's.", type: .optional(.double(0...10))),
    ]
  }

  struct Parameters: StageParameters {
    var model = ModelChoice("depth-upres-unet", ["base_channels": 32])
    var guide: String?
    var epochs = 100
    var batch = 2
    var accumulate = 4
    var repeats = 1
    var optimizer = OptimizerName.adamw
    var learningRate = 1e-4
    var weightDecay = 1e-4
    var beta1 = 0.9
    var beta2 = 0.999
    var epsilon = 1e-8
    var momentum = 0.9
    var nesterov = false
    var groups: [Group] = []
    var schedule = ScheduleChoice()
    var scheduleBy = ScheduleUnit.epoch
    var clipNorm: Double?
    var clipOrder = 2.0
    var ema: Double?
    var patch: Int?
    var patchMask = 0.25
    var flips = false
    var verticalFlips = false
    var turns = false
    var brightness: [Double] = []
    var contrast: [Double] = []
    var loss = Loss()
    var precision = PrecisionName.float32
    var best = Criterion.l1
    var validateEvery = 1
    var validationPatch: Int?

    static let fields: [ParameterField<Self>] = [
      .init("model", \.model, "The network: its `type` and options (see `pipeline models`)."),
      .init(
        "guide", \.guide,
        "File of the dataset, without `.png`, that a guided network sees besides; null: photo or relative, as it needs."
      ),
      .init("epochs", \.epochs, "Passes over the training samples.", type: .int(1...100_000)),
      .init("batch", \.batch, "Samples in a batch.", type: .int(1...4096)),
      .init("accumulate", \.accumulate, "Batches whose gradients are added before a step.", type: .int(1...4096)),
      .init("repeats", \.repeats, "Times that each sample is drawn in an epoch.", type: .int(1...10_000)),
      .init("optimizer", \.optimizer, "The rule that changes the weights."),
      .init("learning_rate", \.learningRate, "Size of the first steps.", type: .double(0...10)),
      .init("weight_decay", \.weightDecay, "Shrinking of the weights (decoupled with adamw).", type: .double(0...10)),
      .init("beta1", \.beta1, "Decay of the mean of the gradients (adam, adamw).", type: .double(0...1)),
      .init("beta2", \.beta2, "Decay of the mean of their squares (adam, adamw).", type: .double(0...1)),
      .init("epsilon", \.epsilon, "Added to the root of the squares (adam, adamw).", type: .double(0...1)),
      .init("momentum", \.momentum, "Momentum (sgd).", type: .double(0...1)),
      .init("nesterov", \.nesterov, "Nesterov's form of the momentum (sgd)."),
      .init(
        "groups", \.groups, "Parts of the network with a rate or decay of their own; the first that matches counts."),
      .init(
        "schedule", \.schedule, "How the rate changes: a name such as `cosine`, or a map with `type` and its numbers."),
      .init("schedule_by", \.scheduleBy, "What the numbers of the schedule count."),
      .init("clip_norm", \.clipNorm, "Largest norm of all gradients together; null does not limit it."),
      .init("clip_order", \.clipOrder, "Order of that norm: 2, or 1 for the sum of sizes.", type: .double(1...100)),
      .init(
        "ema", \.ema,
        "Decay of the moving average of the weights, such as 0.999, which is then validated and kept; null: none.",
        type: .optional(.double(0...1))),
      .init(
        "patch", \.patch, "Side of the low-resolution training patches; null or 0 trains on whole maps.", unit: "px",
        type: .optional(.int(0...8192))),
      .init(
        "patch_mask", \.patchMask, "Patches with less of the mask than this are drawn again, up to eight times.",
        type: .double(0...1)),
      .init("flips", \.flips, "Mirrors samples left to right at random."),
      .init("vertical_flips", \.verticalFlips, "Mirrors samples upside down at random."),
      .init("turns", \.turns, "Turns samples by 0, 90, 180 or 270 degrees at random; normals turn with them."),
      .init(
        "brightness", \.brightness,
        "Least and largest factor of photos, drawn for each sample, such as [0.7, 1.3]; empty: none. Never of depth.",
        check: { Self.range($0) }),
      .init(
        "contrast", \.contrast, "The same about the photo's mean.", check: { Self.range($0) }),
      .init("loss", \.loss, "Weights of the terms of the loss."),
      .init(
        "precision", \.precision,
        "How the images between layers are stored while training: `float32`, or `bf16` for half the memory at about three "
          + "digits; weights and sums are float32."),
      .init("best", \.best, "What decides the best epoch: the smallest masked L1 or the largest PSNR in validation."),
      .init(
        "validate_every", \.validateEvery, "Epochs from one validation to the next; the last is always validated.",
        type: .int(1...100_000)),
      .init(
        "validation_patch", \.validationPatch,
        "Side of the central low-resolution square that is validated; null: whole maps.", unit: "px",
        type: .optional(.int(1...8192))),
    ]

    private static func range(_ values: [Double]) -> String? {
      values.isEmpty || (values.count == 2 && values[0] >= 0 && values[0] <= values[1])
        ? nil : "must be two factors, the smaller first, or empty"
    }

    func validate() -> [String] {
      do {
        let description = try networkDescription()
        _ = try GuideChoice(model.kind, name: guide)
        return groups.isEmpty ? [] : unmatched(try ModelCatalogue.outline(description).namedParameters.map(\.name))
      } catch let failure as StageFailure {
        return [failure.message]
      } catch {
        return ["\(error)"]
      }
    }

    /// Groups that no parameter belongs to.
    private func unmatched(_ names: [String]) -> [String] {
      groups.flatMap(\.match).filter { start in !names.contains { $0.hasPrefix(start) } }.map { start in
        let parts = Set(names.compactMap { $0.split(separator: ".").first.map(String.init) }).sorted()
        return "`groups` matches `\(start)`, but no parameter of the network begins so; its parts are: "
          + parts.joined(separator: ", ")
      }
    }

    /// The model as asked for, with the outputs that the loss needs.
    /// - Throws: `ModelError` when the network cannot give one of them.
    func networkDescription() throws -> JSON {
      var model = model.description
      for (term, _) in loss.configuration.terms where !term.outputs.isEmpty {
        model = try self.model.giving(Set(term.outputs), in: model, for: "the loss `\(term.name)`")
      }
      return model
    }

    /// - Parameter examples: on the training side, for schedules that count steps.
    func configuration(seed: UInt64, examples: Int) throws -> TrainerConfiguration {
      var result = TrainerConfiguration()
      (result.epochs, result.batch, result.accumulation, result.repeats) = (epochs, batch, accumulate, repeats)
      (result.learningRate, result.epsilon) = (learningRate, epsilon)
      result.rule =
        switch optimizer {
        case .adamw: .adamW(beta1: beta1, beta2: beta2, weightDecay: weightDecay)
        case .adam: .adam(beta1: beta1, beta2: beta2, weightDecay: weightDecay)
        case .sgd: .sgd(momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
        }
      result.groups = groups.map {
        ParameterGroup(match: $0.match, learningRate: $0.learningRate, weightDecay: $0.weightDecay)
      }
      result.scheduleUnit = scheduleBy == .epoch ? .epoch : .step
      let steps = epochs * result.stepsPerEpoch(examples: examples)
      result.schedule = try LearningRateSchedule(
        description: schedule.description, defaultPeriod: scheduleBy == .epoch ? epochs : max(1, steps))
      result.loss = loss.configuration
      if let limit = clipNorm { result.clipping = .norm(limit: limit, order: clipOrder) }
      result.averageDecay = ema
      func range(_ values: [Double]) -> ClosedRange<Double>? { values.isEmpty ? nil : values[0]...values[1] }
      result.augmentation = Augmentation(
        patch: patch.flatMap { $0 > 0 ? $0 : nil }, leastMask: patchMask, flipsHorizontally: flips,
        flipsVertically: verticalFlips, turns: turns, brightness: range(brightness), contrast: range(contrast))
      result.best = best == .l1 ? .l1 : .psnr
      (result.validationInterval, result.validationPatch) = (validateEvery, validationPatch)
      result.seed = seed
      return result
    }
  }
}
