import Basics
import Foundation
import Imaging
import Pipeline

/// How a join treats samples that lack a file.
enum Incomplete: String, ParameterChoice { case drop, keep }

/// Joins what belongs to one face and decides whether it trains or validates. The side follows from the name alone, so
/// adding faces never moves one.
struct DatasetSplit: SampleStage {
  static let type: StageType = "dataset.split"
  static let version = 1
  static let summary =
    "Joins maps, masks, photos and normals by name and puts each sample on the training or validation side."
  static let over = SampleDriver.input("maps")
  static let inputs = [
    InputPort("maps", .maps, doc: "Normalised maps; they decide which samples there are."),
    InputPort("masks", .masks, arity: .optional, doc: "Masks for loss and metrics; without them the maps' foreground."),
    InputPort("photos", .photos, arity: .optional, doc: "Photos; without them those that came with the maps."),
    InputPort("normals", .normals, arity: .optional, doc: "Imported normals, kept as `normal_<source>.png`."),
    InputPort("normals_2", .normals, arity: .optional, doc: "Imported normals from a second source."),
    InputPort("normals_3", .normals, arity: .optional, doc: "Imported normals from a third source."),
    InputPort("relative", .relative, arity: .optional, doc: "Imported relative depth, kept as `relative.png`."),
  ]
  static let outputs = [OutputPort("dataset", .dataset, .samples, doc: "Everything of one sample; record: side.")]

  struct Parameters: StageParameters {
    var validation = 0.1
    var seed = 42
    var trainingNames: [String] = []
    var validationNames: [String] = []
    var incomplete = Incomplete.drop

    static let fields: [ParameterField<Self>] = [
      .init(
        "validation", \.validation,
        "Share of the samples that validate. Each sample is drawn by itself, so the share is met only on average.",
        type: .double(0...1)),
      .init("seed", \.seed, "Seed of the draw."),
      .init("training_names", \.trainingNames, "Samples that train whatever the draw says."),
      .init("validation_names", \.validationNames, "Samples that validate whatever the draw says."),
      .init(
        "incomplete", \.incomplete,
        "What happens to a sample that lacks a file others have (a normal map, a photo): drop it, so that every model sees "
          + "the same faces, or keep it."),
    ]

    func validate() -> [String] {
      Set(trainingNames).intersection(validationNames).sorted().map {
        "`\($0)` stands in both `training_names` and `validation_names`"
      }
    }

    /// Which side a name is on. A pure function of name, seed and share: raising the share only moves samples to
    /// validation, never back.
    func side(of name: String) -> SplitSide {
      if trainingNames.contains(name) { return .train }
      if validationNames.contains(name) { return .validation }
      var random = SeededRandom(seed: UInt64(bitPattern: Int64(seed)), stream: "split/\(name)")
      return random.uniform() < validation ? .validation : .train
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let port = "dataset"
    var facts = sample.samples["maps"]?.record ?? [:]
    sample.pass(try sample.file("depth.png", of: "maps"), as: "depth.png", port: port)
    if let mask = sample.samples["masks"]?.files["mask.png"] {
      sample.pass(mask, as: "mask.png", port: port)
      facts["mask"] = "masks"
    } else {
      sample.pass(try sample.file("foreground.png", of: "maps"), as: "mask.png", port: port)
      facts["mask"] = "foreground"
    }
    if let photo = sample.samples["photos"]?.files["photo.png"] ?? sample.samples["maps"]?.files["photo.png"] {
      sample.pass(photo, as: "photo.png", port: port)
    }
    if let normal = sample.samples["maps"]?.files["normal.png"] {
      sample.pass(normal, as: "normal_splat.png", port: port)
    }
    for input in ["normals", "normals_2", "normals_3"] {
      guard let imported = sample.samples[input], let source = imported.record["source"]?.stringValue else { continue }
      sample.pass(try sample.file("normal.png", of: input), as: "normal_\(source).png", port: port)
    }
    if let relative = sample.samples["relative"]?.files["relative.png"] {
      sample.pass(relative, as: "relative.png", port: port)
    }
    facts["side"] = .string(parameters.side(of: sample.name).rawValue)
    sample.record(facts, port: port)
  }

  func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    let samples = context.samples("dataset")
    let roles = Set(samples.flatMap(\.files.keys)).sorted()
    let masked = samples.contains { $0.record["mask"] == "masks" }
    for sample in samples {
      if masked, sample.record["mask"] != "masks" {
        context.reject(sample.name, "no mask among the samples of input `masks`")
      } else if parameters.incomplete == .drop, let missing = roles.first(where: { sample.files[$0] == nil }) {
        context.reject(
          sample.name, "has no `\(missing)`, which other samples have; `incomplete: keep` would let it in")
      }
    }
    let kept = context.samples("dataset")
    for side in SplitSide.allCases where !kept.contains(where: { $0.record["side"] == .string(side.rawValue) }) {
      throw StageFailure(
        "no sample of \(kept.count) is on the \(side.rawValue) side",
        help: "change `validation` (\(parameters.validation)) or `seed`, or name samples in `\(side)_names`".replacing(
          "train_names", with: "training_names"))
    }
  }
}
