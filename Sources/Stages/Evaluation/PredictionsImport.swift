import Basics
import Foundation
import Imaging
import Pipeline

/// Takes in high-resolution depth maps that another program predicted, so that they are scored like any other method.
struct PredictionsImport: SampleStage {
  static let type: StageType = "predictions.import"
  static let version = 1
  static let summary = "Imports depth maps predicted elsewhere, for evaluation beside the project's own networks."
  static let over = SampleDriver.input("dataset")
  static let inputs = [
    InputPort("dataset", .dataset, doc: "The samples that are expected; only their validation side.")
  ]
  static let outputs = [
    OutputPort("predictions", .predictions, .samples, doc: "`depth.png` as it came; record: method, bits.")
  ]
  static let gate: StageGate? = StageGate(
    approve: .automatic, coverage: 1, message: "Predict the validation samples and put <name>.png into the folder.")

  struct Parameters: StageParameters {
    var method = ""
    var folder = UserPath("")
    var namePattern = "{name}"

    static let fields: [ParameterField<Self>] = [
      .init("method", \.method, "What tables call these predictions.", required: true),
      .init("folder", \.folder, "Folder of <name>.png, .tif or .tiff, 1 at the nearest point.", required: true),
      .init("name_pattern", \.namePattern, "How files are named after a sample; `{name}` is the sample's name."),
    ]
  }

  func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    let root = FileReference.path(parameters.folder.path)
    // Only the scored side is needed, and which side a sample is on is not known here.
    return { sample in
      [
        ExternalFile(
          "prediction", candidates: root.images(of: sample, pattern: parameters.namePattern), required: false)
      ]
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    guard let file = sample.external["prediction"] else {
      if sample.samples["dataset"]?.record["side"] != .string(SplitSide.validation.rawValue) { return }
      throw BadSample("`\(sample.name)` has no prediction in the folder")
    }
    // Networks overshoot a little; `clamp` of the protocol says what becomes of that.
    let image = try SampleImage.decode(file, label: "prediction of `\(sample.name)`", within: -0.5...1.5)
    guard image.raster.channels == 1 else {
      throw BadSample("prediction of `\(sample.name)`: a grey image is expected, not \(image.raster.channels) channels")
    }
    sample.pass(file, as: "depth.png", port: "predictions")
    sample.record(["method": .string(parameters.method), "bits": .int(image.bitDepth)], port: "predictions")
  }
}
