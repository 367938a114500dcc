import Basics
import Foundation
import Imaging
import Pipeline

/// Makes a dataset of photos alone, for super-resolution of pictures.
struct PhotosSplit: SampleStage {
  static let type: StageType = "photos.split"
  static let version = 1
  static let summary = "Puts photos on the training or validation side, as a dataset for super-resolution of pictures."
  static let over = SampleDriver.input("photos")
  static let inputs = [InputPort("photos", .photos, doc: "Photos in full resolution.")]
  static let outputs = [OutputPort("dataset", .dataset, .samples, doc: "`photo.png`; record: side, width, height.")]

  struct Parameters: StageParameters {
    var validation = 0.1
    var seed = 42
    var trainingNames: [String] = []
    var validationNames: [String] = []
    var multiple = 4

    static let fields: [ParameterField<Self>] = [
      .init(
        "validation", \.validation,
        "Share of the samples that validate. Each sample is drawn by itself, so the share is met only on average.",
        type: .double(0...1)),
      .init("seed", \.seed, "Seed of the draw; the side follows from the name alone."),
      .init("training_names", \.trainingNames, "Samples that train whatever the draw says."),
      .init("validation_names", \.validationNames, "Samples that validate whatever the draw says."),
      .init(
        "multiple", \.multiple, "Photos are cut in the middle to sides that are multiples of this: the scale.",
        unit: "px", type: .int(1...64)),
    ]

    func validate() -> [String] { draw.validate() }

    /// Drawn as `dataset.split` draws, so that a face is on one side in every study.
    var draw: DatasetSplit.Parameters {
      var draw = DatasetSplit.Parameters()
      (draw.validation, draw.seed) = (validation, seed)
      (draw.trainingNames, draw.validationNames) = (trainingNames, validationNames)
      return draw
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let file = try sample.file("photo.png", of: "photos")
    let photo = try sample.image("photo.png", of: "photos").raster
    let (width, height) = (
      photo.width / parameters.multiple * parameters.multiple, photo.height / parameters.multiple * parameters.multiple
    )
    guard width > 0, height > 0 else {
      throw BadSample("photo.png of `\(sample.name)` is only \(photo.width) x \(photo.height)")
    }
    if (width, height) == (photo.width, photo.height), photo.channels == 3 {
      sample.pass(file, as: "photo.png", port: "dataset")
    } else {
      let cut = photo.cropped(
        x: (photo.width - width) / 2, y: (photo.height - height) / 2, width: width, height: height)
      try sample.write(
        try ImageFile.encode(cut.channels == 3 ? cut : cut.repeatedChannels(3), as: .png8), as: "photo.png",
        port: "dataset")
    }
    sample.record(
      [
        "side": .string(parameters.draw.side(of: sample.name).rawValue), "width": .int(width), "height": .int(height),
      ], port: "dataset")
  }

  func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    let samples = context.samples("dataset")
    for side in SplitSide.allCases where !samples.contains(where: { $0.record["side"] == .string(side.rawValue) }) {
      throw StageFailure(
        "no photo of \(samples.count) is on the \(side.rawValue) side",
        help: "change `validation` (\(parameters.validation)) or `seed`")
    }
  }
}
