import Basics
import Foundation
import Imaging
import Pipeline
import Splats

/// The degradation that FaceLift's users really meet: the low-resolution map is rendered from the splats at its own size, not
/// reduced from the high-resolution one.
struct SplatsDegrade: SampleStage {
  static let type: StageType = "splats.degrade"
  static let version = 1
  static let summary = "Makes low-resolution depth maps by rendering the splats at the low size (`\(kind)`)."
  /// The degradation in records and tables.
  static let kind = "render_splat"
  static let title = "splat render"
  static let over = SampleDriver.input("dataset")
  static let inputs = [
    InputPort(
      "dataset", .dataset, .maps,
      doc: "Samples whose record says how depth was normalised (depth_top, depth_low) and how large it is."),
    InputPort("splats", .splats, doc: "`gaussians.ply` of the same samples."),
  ]
  static let outputs = [OutputPort("pairs", .pairs, .samples, doc: "`lr.png`, matched to the dataset by name.")]

  struct Parameters: StageParameters {
    var scale = 4
    var bits = 8
    var opacityThreshold = 0.3
    var view = SplatView()

    static let fields: [ParameterField<Self>] = [
      .init("scale", \.scale, "How many times smaller each side is than that of the dataset.", type: .int(2...16)),
      .init(
        "bits", \.bits, "8 as FaceLift's renders have, or 16.",
        check: { $0 == 8 || $0 == 16 ? nil : "must be 8 or 16, not \($0)" }),
      .init(
        "opacity_threshold", \.opacityThreshold, "Depth is 0 where the opacity is not higher.", type: .double(0...1)),
      .init("view", \.view, "The camera that the dataset was rendered with; its size is replaced."),
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let record = sample.samples["dataset"]?.record ?? [:]
    guard let top = record["depth_top"]?.doubleValue, let low = record["depth_low"]?.doubleValue,
      let width = record["width"]?.intValue, let height = record["height"]?.intValue
    else {
      throw StageFailure(
        "the dataset does not record how the depth of `\(sample.name)` was normalised",
        help: "connect `dataset` to a dataset made from `maps.normalize`")
    }
    guard width % parameters.scale == 0, height % parameters.scale == 0 else {
      throw BadSample(
        "depth.png of `\(sample.name)` is \(width) x \(height), which a scale of \(parameters.scale) does not divide")
    }
    var view = parameters.view
    view.size = width / parameters.scale
    view.height = height / parameters.scale
    let cloud = try SplatSample.read(sample)
    let maps = SplatRasteriser().render(cloud, camera: view.camera())
    // Normalised as the high-resolution map was, then quantised, as `render_q8` does: only the rendering differs.
    var depth = maps.depth
    let range = Float(top - low)
    for i in depth.pixels.indices {
      let seen = maps.opacity.pixels[i] > Float(parameters.opacityThreshold)
      let value = range < 1e-6 ? 1 : 1 - (Float(top) - depth.pixels[i]) / range
      depth.pixels[i] = seen ? max(0, min(1, value)) : 0
    }
    try sample.write(
      try ImageFile.encode(depth, as: parameters.bits == 8 ? .png8 : .png16), as: "lr.png", port: "pairs")
    sample.record(["kind": .string(Self.kind), "scale": .int(parameters.scale)], port: "pairs")
  }
}
