import Basics
import NN
import Pipeline

extension Train {
  enum OptimizerName: String, ParameterChoice { case adamw, adam, sgd }
  enum ScheduleUnit: String, ParameterChoice { case epoch, step }
  enum Criterion: String, ParameterChoice { case l1, psnr }

  struct NormalsLoss: StageParameters {
    enum Source: String, ParameterChoice { case none, splat, dsine }
    var weight = 0.0
    var source = Source.none
    static let fields: [ParameterField<Self>] = [
      .init("weight", \.weight, "Weight of 1 - cosine of the predicted normals.", type: .double(0...1000)),
      .init("source", \.source, "Which normals of the dataset are the truth."),
    ]
    func validate() -> [String] {
      weight > 0 && source == .none ? ["`normals.weight` is \(weight), but `normals.source` is none"] : []
    }
    var isActive: Bool { weight > 0 && source != .none }
  }

  struct Loss: StageParameters {
    var l1 = 1.0
    var gradient = 0.5
    var normals = NormalsLoss()
    var sobel = 0.0
    var sobelMagnitude = 0.0
    var charbonnier = 0.0
    var charbonnierEpsilon = 1e-12
    var mse = 0.0
    var ssim = 0.0
    var psnr = 0.0
    var frequency = 0.0
    var gradientMap = 0.0
    var deep = 0.0
    var redegradation = 0.0
    var gateBalance = 0.0
    static let fields: [ParameterField<Self>] = [
      .init("l1", \.l1, "Weight of the masked L1.", type: .double(0...1000)),
      .init("gradient", \.gradient, "Weight of the masked gradient loss.", type: .double(0...1000)),
      .init("normals", \.normals, "The loss of the normal head; a weight above 0 gives the network that head."),
      .init("sobel", \.sobel, "Weight of the L1 of the Sobel responses.", type: .double(0...1000)),
      .init(
        "sobel_magnitude", \.sobelMagnitude, "Weight of the L1 of the lengths of the Sobel gradients.",
        type: .double(0...1000)),
      .init("charbonnier", \.charbonnier, "Weight of mean sqrt(d^2 + epsilon).", type: .double(0...1000)),
      .init("charbonnier_epsilon", \.charbonnierEpsilon, "The epsilon of that root.", type: .double(1e-30...1)),
      .init("mse", \.mse, "Weight of the mean squared error.", type: .double(0...1e6)),
      .init(
        "ssim", \.ssim, "Weight of 1 - SSIM (Gaussian window of 11 px); needs 11 x 11 px.", type: .double(0...1000)),
      .init("psnr", \.psnr, "Weight of the PSNR in dB turned round, as NAFNet is trained.", type: .double(0...1000)),
      .init(
        "frequency", \.frequency, "Weight of the L1 of Fourier amplitudes and phases, as SGNet is trained.",
        type: .double(0...1000)),
      .init(
        "gradient_map", \.gradientMap, "Weight of the L1 of the gradient map that sgnet predicts.",
        type: .double(0...1000)),
      .init(
        "deep", \.deep, "Weight of the mean squared errors of the lower scales that dsdmsr predicts.",
        type: .double(0...1e6)),
      .init(
        "redegradation", \.redegradation,
        "Weight of the L1 between the input and the result degraded again, as dornet is trained.",
        type: .double(0...1000)),
      .init(
        "gate_balance", \.gateBalance, "Weight of how unevenly dornet's degradation chooses its experts.",
        type: .double(0...1000)),
    ]
  }

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
    var model: JSON = ["type": "depth-upres-unet", "base_channels": 32]
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
    var schedule: JSON = "cosine"
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
        "schedule", \.schedule,
        "How the rate changes: a name such as `cosine`, or a map with `type` and its numbers (cosine, cosine_restarts, step, "
          + "multi_step, multi_step_restarts, constant; each with `warm_up`).",
        check: { json in
          do {
            _ = try LearningRateSchedule(description: json, defaultPeriod: 1)
            return nil
          } catch {
            return "is not a schedule: \(error)"
          }
        }),
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
      let network: any Network
      do {
        network = try ModelCatalogue.make(networkDescription)
        _ = try GuideChoice(network, name: guide)
      } catch let failure as StageFailure {
        return [failure.message]
      } catch {
        return ["\(error)"]
      }
      var problems: [String] = []
      if trainerLoss.isEmpty { problems.append("all weights of `loss` are 0") }
      let names = network.namedParameters.map(\.name)
      for group in groups {
        for start in group.match where !names.contains(where: { $0.hasPrefix(start) }) {
          let parts = Set(names.compactMap { $0.split(separator: ".").first.map(String.init) }).sorted()
          problems.append(
            "`groups` matches `\(start)`, but no parameter of the network begins so; its parts are: "
              + parts.joined(separator: ", "))
        }
      }
      return problems
    }

    /// The model as asked for, with the normal head that the loss needs.
    var networkDescription: JSON {
      guard loss.normals.isActive, case .object(var fields) = model else { return model }
      fields["predict_normal"] = true
      return .object(fields)
    }

    var trainerLoss: TrainerConfiguration.Loss {
      var result = TrainerConfiguration.Loss(
        l1: loss.l1, gradient: loss.gradient, normals: loss.normals.isActive ? loss.normals.weight : 0)
      (result.sobel, result.sobelMagnitude) = (loss.sobel, loss.sobelMagnitude)
      (result.charbonnier, result.charbonnierEpsilon) = (loss.charbonnier, loss.charbonnierEpsilon)
      (result.mse, result.ssim, result.psnr) = (loss.mse, loss.ssim, loss.psnr)
      (result.frequency, result.gradientMap, result.deep) = (loss.frequency, loss.gradientMap, loss.deep)
      (result.redegradation, result.gateBalance) = (loss.redegradation, loss.gateBalance)
      return result
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
        description: schedule, defaultPeriod: scheduleBy == .epoch ? epochs : max(1, steps))
      result.loss = trainerLoss
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
