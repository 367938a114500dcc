import Basics
import Foundation
import Imaging
import NN
import Pipeline

/// Trains one network on one degradation: dataset and low-resolution pairs in, the best state by masked validation L1 out.
struct Train: Stage {
  static let type: StageType = "train"
  static let version = 2
  static let summary = "Trains a depth super-resolution network and keeps its best epoch by masked validation L1."
  static let usesSeed = true
  static let inputs = [
    InputPort("dataset", .dataset, doc: "High-resolution depth, masks and normals with the side of each sample."),
    InputPort("lr", .pairs, doc: "The low-resolution depth of the same samples."),
  ]
  static let outputs = [
    OutputPort("model", .model, .files, doc: "`model.json` and `weights.safetensors`."),
    OutputPort("log", .log, .files, doc: "`history.csv` and `history.json`, a line for each epoch."),
  ]

  enum OptimizerName: String, ParameterChoice { case adamw, adam, sgd }

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
    static let fields: [ParameterField<Self>] = [
      .init("l1", \.l1, "Weight of the masked L1.", type: .double(0...1000)),
      .init("gradient", \.gradient, "Weight of the masked gradient loss.", type: .double(0...1000)),
      .init("normals", \.normals, "The loss of the normal head; a weight above 0 gives the network that head."),
    ]
  }

  struct Parameters: StageParameters {
    var model: JSON = ["type": "depth-upres-unet", "base_channels": 32]
    var epochs = 100
    var batch = 2
    var accumulate = 4
    var repeats = 1
    var optimizer = OptimizerName.adamw
    var learningRate = 1e-4
    var weightDecay = 1e-4
    var beta1 = 0.9
    var beta2 = 0.999
    var momentum = 0.9
    var nesterov = false
    var schedule: JSON = "cosine"
    var clipNorm: Double?
    var patch: Int?
    var patchMask = 0.25
    var flips = false
    var verticalFlips = false
    var loss = Loss()

    static let fields: [ParameterField<Self>] = [
      .init("model", \.model, "The network: its `type` and options (see `pipeline models`)."),
      .init("epochs", \.epochs, "Passes over the training samples.", type: .int(1...100_000)),
      .init("batch", \.batch, "Samples in a batch.", type: .int(1...4096)),
      .init("accumulate", \.accumulate, "Batches whose gradients are added before a step.", type: .int(1...4096)),
      .init("repeats", \.repeats, "Times that each sample is drawn in an epoch.", type: .int(1...10_000)),
      .init("optimizer", \.optimizer, "The rule that changes the weights."),
      .init("learning_rate", \.learningRate, "Size of the first steps.", type: .double(0...10)),
      .init("weight_decay", \.weightDecay, "Shrinking of the weights (decoupled with adamw).", type: .double(0...10)),
      .init("beta1", \.beta1, "Decay of the mean of the gradients (adam, adamw).", type: .double(0...1)),
      .init("beta2", \.beta2, "Decay of the mean of their squares (adam, adamw).", type: .double(0...1)),
      .init("momentum", \.momentum, "Momentum (sgd).", type: .double(0...1)),
      .init("nesterov", \.nesterov, "Nesterov's form of the momentum (sgd)."),
      .init(
        "schedule", \.schedule,
        "How the rate changes by epochs: a name such as `cosine`, or a map with `type` and its numbers.",
        check: { json in
          do {
            _ = try LearningRateSchedule(description: json, defaultPeriod: 1)
            return nil
          } catch {
            return "is not a schedule: \(error)"
          }
        }),
      .init("clip_norm", \.clipNorm, "Largest norm of all gradients together; null does not limit it."),
      .init(
        "patch", \.patch, "Side of the low-resolution training patches; null or 0 trains on whole maps.", unit: "px",
        type: .optional(.int(0...8192))),
      .init(
        "patch_mask", \.patchMask, "Patches with less of the mask than this are drawn again, up to eight times.",
        type: .double(0...1)),
      .init("flips", \.flips, "Mirrors samples left to right at random."),
      .init("vertical_flips", \.verticalFlips, "Mirrors samples upside down at random."),
      .init("loss", \.loss, "Weights of the terms of the loss."),
    ]

    func validate() -> [String] {
      do {
        _ = try ModelCatalogue.make(networkDescription)
        return []
      } catch {
        return ["\(error)"]
      }
    }

    /// The model as asked for, with the normal head that the loss needs.
    var networkDescription: JSON {
      guard loss.normals.isActive, case .object(var fields) = model else { return model }
      fields["predict_normal"] = true
      return .object(fields)
    }
  }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let dataset = try context.input("dataset")
    let pairs = try context.input("lr")
    let normals = parameters.loss.normals.isActive ? parameters.loss.normals.source.rawValue : nil
    let training = try PairSource(dataset, pairs, side: "train", normals: normals)
    let validation = try PairSource(dataset, pairs, side: "validation", normals: nil)
    guard training.count > 0 else {
      throw StageFailure("no sample of the dataset is on the training side and has a low-resolution pair")
    }
    let network = try ModelCatalogue.make(parameters.networkDescription, seed: context.seed)
    let options = ComputeOptions(threads: context.threads)
    let trainer = Trainer(
      network, try configuration(parameters, seed: context.seed), training: training, validation: validation,
      checkpoints: context.scratch,
      identity: "\(dataset.digest) \(pairs.digest) \(parameters.networkDescription.canonical)")
    trainer.shouldStop = { context.services.isStopping }
    trainer.onNote = { context.services.log($0) }
    trainer.onProgress = { progress in context.services.report(Self.shown(progress)) }
    try NN.with(options) { try trainer.run() }
    try write(context, parameters, network, trainer)
  }

  private func configuration(_ parameters: Parameters, seed: UInt64) throws -> TrainerConfiguration {
    var configuration = TrainerConfiguration()
    configuration.epochs = parameters.epochs
    configuration.batch = parameters.batch
    configuration.accumulation = parameters.accumulate
    configuration.repeats = parameters.repeats
    configuration.learningRate = parameters.learningRate
    configuration.schedule = try LearningRateSchedule(
      description: parameters.schedule, defaultPeriod: parameters.epochs)
    let decay = parameters.weightDecay
    configuration.rule =
      switch parameters.optimizer {
      case .adamw: .adamW(beta1: parameters.beta1, beta2: parameters.beta2, weightDecay: decay)
      case .adam: .adam(beta1: parameters.beta1, beta2: parameters.beta2, weightDecay: decay)
      case .sgd: .sgd(momentum: parameters.momentum, nesterov: parameters.nesterov, weightDecay: decay)
      }
    configuration.loss = .init(
      l1: parameters.loss.l1, gradient: parameters.loss.gradient,
      normals: parameters.loss.normals.isActive ? parameters.loss.normals.weight : 0)
    if let limit = parameters.clipNorm { configuration.clipping = .norm(limit: limit, order: 2) }
    configuration.augmentation = Augmentation(
      patch: parameters.patch.flatMap { $0 > 0 ? $0 : nil }, leastMask: parameters.patchMask,
      flipsHorizontally: parameters.flips, flipsVertically: parameters.verticalFlips)
    configuration.seed = seed
    return configuration
  }

  private static func shown(_ progress: TrainingProgress) -> StageProgress {
    var metrics = ["loss": progress.loss]
    metrics["val_l1"] = progress.validationL1
    metrics["best_l1"] = progress.bestL1
    metrics["eta"] = progress.remaining
    return StageProgress(
      done: progress.step, total: progress.steps, unit: "steps",
      message: "epoch \(progress.epoch) of \(progress.epochs)", metrics: metrics)
  }

  private func write(
    _ context: StageContext, _ parameters: Parameters, _ network: any Network, _ trainer: Trainer
  ) throws {
    let description: JSON = [
      "format": "pipeline-model-1", "model": parameters.networkDescription, "scale": .int(network.scale),
      "parameters": .int(network.parameterCount), "epoch": .int(trainer.bestEpoch),
      "val_l1": trainer.bestL1.map { .double($0) } ?? .null,
    ]
    try context.write(description.pretty + "\n", to: "model.json", port: "model")
    try context.write(Safetensors.data(trainer.bestState), to: "weights.safetensors", port: "model")
    try context.write(trainer.history.csv, to: "history.csv", port: "log")
    try context.write(trainer.history.json.pretty + "\n", to: "history.json", port: "log")
  }
}

/// The samples of one side of a dataset that have a low-resolution pair.
struct PairSource: TrainingSource {
  private struct Entry {
    var name: String
    var low: URL
    var depth: URL
    var mask: URL?
    var normal: URL?
  }

  private let entries: [Entry]

  /// - Parameter normals: the source of the normals wanted, such as `splat`.
  /// - Throws: `StageFailure` naming a sample without the files that training needs.
  init(_ dataset: Artifact, _ pairs: Artifact, side: String, normals: String?) throws {
    let low = Dictionary(uniqueKeysWithValues: pairs.samples.map { ($0.name, $0) })
    entries = try dataset.samples.compactMap { sample in
      guard sample.record["side"]?.stringValue == side, let pair = low[sample.name] else { return nil }
      guard let image = pair.files["lr.png"] else { throw StageFailure("`\(sample.name)` has no `lr.png`") }
      guard let depth = sample.files["depth.png"] else { throw StageFailure("`\(sample.name)` has no `depth.png`") }
      var normal: URL?
      if let normals {
        guard let file = sample.files["normal_\(normals).png"] else {
          throw StageFailure(
            "`\(sample.name)` has no `normal_\(normals).png`",
            help: "connect these normals to the dataset, or set loss.normals.source to none")
        }
        normal = file.url
      }
      return Entry(
        name: sample.name, low: image.url, depth: depth.url, mask: sample.files["mask.png"]?.url, normal: normal)
    }
  }

  var count: Int { entries.count }
  func name(_ index: Int) -> String { entries[index].name }

  func load(_ index: Int) throws -> TrainingSample {
    let entry = entries[index]
    func plane(_ url: URL, _ what: String) throws -> Raster {
      let raster = try ImageFile.read(url).raster
      guard raster.channels == 1 else { throw StageFailure("the \(what) of `\(entry.name)` is not a grey image") }
      return raster
    }
    let low = try plane(entry.low, "low-resolution depth")
    let high = try plane(entry.depth, "depth")
    let scale = high.width / max(1, low.width)
    guard scale > 0, high.width == low.width * scale, high.height == low.height * scale else {
      throw StageFailure(
        "`\(entry.name)`: depth of \(high.width) x \(high.height) is no multiple of its pair's \(low.width) x \(low.height)"
      )
    }
    func checked(_ raster: Raster, _ what: String, channels: Int) throws -> Raster {
      guard (raster.width, raster.height, raster.channels) == (high.width, high.height, channels) else {
        throw StageFailure(
          "the \(what) of `\(entry.name)` is \(raster.width) x \(raster.height) with \(raster.channels) channels, "
            + "expected \(high.width) x \(high.height) with \(channels)")
      }
      return raster
    }
    let mask = try entry.mask.map { try checked(plane($0, "mask"), "mask", channels: 1) }
    let normal = try entry.normal.map { try checked(ImageFile.read($0).raster, "normal map", channels: 3) }
    return TrainingSample(
      name: entry.name, height: low.height, width: low.width, scale: scale, depth: low.pixels, target: high.pixels,
      mask: mask.map { $0.pixels.map { $0 > 0.5 ? 1 : 0 } }, normal: normal.map { Self.unitNormals($0) })
  }

  /// Unit vectors as three planes from pixels that hold n * 0.5 + 0.5. Pixels without a normal hold 0.5, which no integer
  /// says exactly: vectors this short are none, not a direction.
  private static func unitNormals(_ raster: Raster) -> [Float] {
    let area = raster.width * raster.height
    var result = [Float](repeating: 0, count: 3 * area)
    for i in 0..<area {
      let n = (0..<3).map { raster.pixels[3 * i + $0] * 2 - 1 }
      let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).squareRoot()
      if length > 0.05 { for k in 0..<3 { result[k * area + i] = n[k] / length } }
    }
    return result
  }
}
