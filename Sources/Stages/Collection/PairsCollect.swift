import Basics
import Foundation
import Imaging
import Pipeline

/// Takes a folder of depth maps with photos, as papers on guided depth super-resolution test on, as a dataset.
struct PairsCollect: SampleStage {
  static let type: StageType = "pairs.collect"
  static let version = 1
  static let summary = "Collects depth/RGB pairs (Middlebury and the like) as a dataset for evaluation or training."
  static let over = SampleDriver.source("depth")
  static let inputs: [InputPort] = []
  static let outputs = [
    OutputPort(
      "dataset", .dataset, .samples, doc: "`depth.png` as it came, `mask.png`, `photo.png`; record: side, bits.")
  ]

  struct Parameters: StageParameters {
    var folder = UserPath("")
    var depthFolder = "depth"
    var photoFolder = "rgb"
    var side = SplitSide.validation
    var zeroIsUnknown = false

    static let fields: [ParameterField<Self>] = [
      .init("folder", \.folder, "Folder that holds the two folders of files with equal names.", required: true),
      .init("depth_folder", \.depthFolder, "Where the depth maps lie in it: 8- or 16-bit grey."),
      .init("photo_folder", \.photoFolder, "Where the photos lie in it; a pair without a photo is taken without."),
      .init("side", \.side, "Which side of a split all pairs are on."),
      .init(
        "zero_is_unknown", \.zeroIsUnknown,
        "Leave pixels of value 0 out of the mask; the papers count every pixel."),
    ]
  }

  func sources(_ parameters: Parameters) -> [ExternalSource] {
    [
      ExternalSource(
        "depth", path: "\(parameters.folder.path)/\(parameters.depthFolder)", extensions: ["png", "tif", "tiff"])
    ]
  }

  func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    let root = "\(parameters.folder.path)/\(parameters.photoFolder)"
    return { sample in
      let candidates = ["png", "jpg", "jpeg"].map { FileReference.path("\(root)/\(sample).\($0)") }
      return [ExternalFile("photo", candidates: candidates, required: false)]
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    guard let file = sample.source else { throw BadSample("`\(sample.name)` has no depth map") }
    let image = try SampleImage.decode(file, label: sample.sourcePath ?? sample.name, within: 0...1)
    let depth = image.raster
    guard depth.channels == 1 else {
      throw BadSample(
        "\(sample.sourcePath ?? sample.name): a grey depth map is expected, not \(depth.channels) channels")
    }
    sample.pass(file, as: "depth.png", port: "dataset")
    if let photo = sample.external["photo"] {
      let picture = try SampleImage.decode(photo, label: "photo of `\(sample.name)`").raster
      guard (picture.width, picture.height) == (depth.width, depth.height) else {
        throw BadSample(
          "photo of `\(sample.name)` is \(picture.width) x \(picture.height), but the depth map is "
            + "\(depth.width) x \(depth.height)")
      }
      sample.pass(photo, as: "photo.png", port: "dataset")
    }
    let mask =
      parameters.zeroIsUnknown
      ? Mask(depth, above: 0) : Mask(width: depth.width, height: depth.height, repeating: true)
    try sample.write(try SampleImage.encode(mask), as: "mask.png", port: "dataset")
    sample.record(
      [
        "side": .string(parameters.side.rawValue), "bits": .int(image.bitDepth), "width": .int(depth.width),
        "height": .int(depth.height),
      ], port: "dataset")
  }
}
