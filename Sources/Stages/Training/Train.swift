import Basics
import Foundation
import Imaging
import NN
import Pipeline

/// Trains one network on one degradation: dataset and low-resolution pairs in, the best epoch by validation out.
struct Train: WholeStage {
  static let type: StageType = "train"
  static let version = 4
  static let summary = "Trains a super-resolution network and keeps its best epoch by validation."
  static let usesSeed = true
  static let inputs = [
    InputPort("dataset", .dataset, doc: "The truth, masks, normals and guides with the side of each sample."),
    InputPort("lr", .pairs, doc: "The low-resolution depth or photos of the same samples."),
  ]
  static let outputs = [
    OutputPort("model", .model, .files, doc: "`model.json` and `weights.safetensors`."),
    OutputPort(
      "log", .log, .files,
      doc: "`history.csv` and `history.json`, a line for each epoch, and the same curves as a TensorBoard event file."),
  ]

  func hardwareClass(_ parameters: Parameters) -> HardwareClass? { .ofNetworks }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let dataset = try context.input("dataset")
    let pairs = try context.input("lr")
    let description = try parameters.networkDescription()
    let network = try ModelCatalogue.make(description, seed: context.seed)
    let guide = try GuideChoice(network, name: parameters.guide)
    let training = try PairSource(
      dataset, pairs, side: "train", normals: parameters.loss.normalsSource, guide: guide)
    let validation = try PairSource(dataset, pairs, side: "validation", normals: nil, guide: guide)
    guard training.count > 0 else {
      throw StageFailure("no sample of the dataset is on the training side and has a low-resolution pair")
    }
    try check(network, parameters, try training.load(0))
    let options = ComputeOptions(
      threads: context.threads, instructions: NN.options.instructions, precision: parameters.precision.value)
    let trainer = Trainer(
      network, try parameters.configuration(seed: context.seed, examples: training.count), training: training,
      validation: validation, checkpoints: context.scratch,
      data: "\(dataset.digest) \(pairs.digest) \(description.canonical) \(guide?.name ?? "")")
    trainer.shouldStop = { context.services.isStopping }
    trainer.onWarning = { context.services.note($0) }
    trainer.onNote = { context.services.log($0) }
    trainer.onProgress = { progress in context.services.report(Self.shown(progress)) }
    try NN.with(options) { try trainer.run() }
    context.record(madeOn: trainer.hardware.map(HardwareClass.init(rawValue:)))
    try write(context, parameters, network, description, trainer, guide)
  }

  /// Whether the network fits the data, by the first example.
  private func check(_ network: any Network, _ parameters: Parameters, _ sample: TrainingSample) throws {
    let type = parameters.model.kind.type
    guard network.scale == sample.scale else {
      throw StageFailure(
        "`\(type)` enlarges \(network.scale) times, but the pairs were made with scale \(sample.scale)",
        help: "set `scale` of the model or of the degradation")
    }
    guard network.imageChannels == sample.channels else {
      throw StageFailure(
        "`\(type)` takes \(network.imageChannels) channels, but the pairs are "
          + (sample.channels == 3 ? "photos" : "depth maps"),
        help: sample.channels == 3 ? "for photos: \(Self.networksForPhotos)" : nil
      )
    }
    let patch = parameters.patch.flatMap { $0 > 0 ? $0 : nil }
    for (side, what) in [
      (min(patch ?? .max, sample.height), "training height"), (min(patch ?? .max, sample.width), "training width"),
      (min(parameters.validationPatch ?? .max, sample.height), "validation height"),
      (min(parameters.validationPatch ?? .max, sample.width), "validation width"),
    ] where side % network.sizeMultiple != 0 {
      throw StageFailure(
        "`\(type)` needs sides that are multiples of \(network.sizeMultiple), but the \(what) is \(side) px",
        help: "choose another `patch`, `validation_patch` or size of the maps")
    }
  }

  /// Such as `edsr with image_channels 3 or swinir with image_channels 3`.
  private static var networksForPhotos: String {
    ModelCatalogue.kinds.compactMap { kind in
      kind.photos.map { options in
        kind.type + " with "
          + options.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.canonical)" }.joined(separator: " and ")
      }
    }.joined(separator: " or ")
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
    _ context: StageContext, _ parameters: Parameters, _ network: any Network, _ model: JSON, _ trainer: Trainer,
    _ guide: GuideChoice?
  ) throws {
    var description: [String: JSON] = [
      "format": "pipeline-model-1", "model": model, "scale": .int(network.scale),
      "parameters": .int(network.parameterCount), "epoch": .int(trainer.bestEpoch),
      "val_l1": trainer.bestL1.map { .double($0) } ?? .null,
    ]
    if let guide { description["guide"] = .string(guide.name) }
    if let ema = parameters.ema { description["ema"] = .double(ema) }
    try context.write(JSON.object(description).pretty + "\n", to: "model.json", port: "model")
    try context.write(Safetensors.data(trainer.bestState), to: "weights.safetensors", port: "model")
    try context.write(trainer.history.csv, to: "history.csv", port: "log")
    try context.write(trainer.history.json.pretty + "\n", to: "history.json", port: "log")
    try context.write(
      TensorBoardFile.data(trainer.history.tensorBoard), to: "events.out.tfevents.0.pipeline", port: "log")
  }
}
