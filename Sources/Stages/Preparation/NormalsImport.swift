import Basics
import Foundation
import Imaging
import Pipeline

/// How a file stores the components of a normal.
enum NormalEncoding: String, ParameterChoice {
  /// Integer files as `unit`; float files as `signed` where a value is below zero.
  case auto
  /// n * 0.5 + 0.5 in 0...1.
  case unit
  /// -1...1 as is.
  case signed
}

/// An axis of the camera: x right, y down, z forward.
enum CameraAxis: String, ParameterChoice { case x, y, z }

/// Brings in normal maps that an outside network (DSINE) made of the photos, after checking that they mean the same axes as
/// the depth maps do.
struct NormalsImport: SampleStage {
  static let type: StageType = "normals.import"
  static let version = 1
  static let summary = "Imports normal maps made elsewhere (DSINE): checks axes, resizes, renormalises."
  static let over = SampleDriver.input("maps")
  static let inputs = [
    InputPort("maps", .maps, doc: "Maps; normals get their size, and axes are checked against their depth."),
    InputPort(
      "folder", .folder, arity: .optional, lookup: true,
      doc: "A generated folder in place of `folder`; normals are taken from `subfolder` in it."),
  ]
  static let outputs = [
    OutputPort("normals", .normals, .samples, doc: "`normal.png`, 16-bit RGB; record: source, agreement.")
  ]
  static let gate: StageGate? = StageGate(
    approve: .automatic, coverage: 1,
    message: "Run the normal network on the photos and put one map for each sample into the folder of this stage.")

  struct Parameters: StageParameters {
    var source = "dsine"
    var folder: UserPath?
    var subfolder = "normal_dsine"
    var namePattern = "{name}"
    var encoding = NormalEncoding.auto
    var axes: [CameraAxis] = [.x, .y, .z]
    var flip: [CameraAxis] = []
    var check = true
    var minAgreement = 0.3

    static let fields: [ParameterField<Self>] = [
      .init("source", \.source, "Name of these normals; a dataset keeps them as `normal_<source>.png`."),
      .init("folder", \.folder, "Folder of <name>.png, .tif or .tiff; needed unless an input `folder` is connected."),
      .init("subfolder", \.subfolder, "Where the normals lie inside an input `folder`."),
      .init("name_pattern", \.namePattern, "How files are named after a sample; `{name}` is the sample's name."),
      .init(
        "encoding", \.encoding,
        "unit: n * 0.5 + 0.5; signed: -1...1; auto: integer files unit, float files by their values."),
      .init(
        "axes", \.axes,
        "Which camera axis each channel of the file holds (x right, y down, z forward; a surface facing the camera has "
          + "z < 0).", check: { Set($0).count == 3 && $0.count == 3 ? nil : "must name x, y and z once each" }),
      .init("flip", \.flip, "Camera axes whose sign is turned round."),
      .init(
        "check", \.check,
        "Compare the axes with normals from the depth maps over all samples and refuse a permuted or flipped axis."),
      .init(
        "min_agreement", \.minAgreement, "Least correlation of each axis with the depth maps for the check to be sure.",
        type: .double(0...1)),
    ]

    func validate() -> [String] {
      var problems: [String] = []
      let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789_-")
      if source.isEmpty || !source.allSatisfy({ allowed.contains($0) }) {
        problems.append("`source` must be made of a-z, 0-9, _ and -, not `\(source)`")
      }
      if source == "splat" { problems.append("`source: splat` is the name of the maps' own normals; choose another") }
      if !namePattern.contains("{name}") { problems.append("`name_pattern` does not contain {name}") }
      return problems
    }
  }

  func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    let root = FileReference(parameters.folder, orInput: "folder", path: parameters.subfolder)
    return { sample in
      [ExternalFile("normal", candidates: root.images(of: sample, pattern: parameters.namePattern))]
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    guard let file = sample.external["normal"] else { throw BadSample("`\(sample.name)` has no normal map") }
    let depth = try sample.grey("depth.png", of: "maps")
    let foreground = try sample.mask("foreground.png", of: "maps")
    let label = "\(parameters.source) normals of `\(sample.name)`"
    let image = try SampleImage.decode(file, label: label)
    guard image.raster.channels == 3 else {
      throw BadSample("\(label): 3 channels are expected, not \(image.raster.channels)")
    }
    var normal = parameters.decode(image)
    if (normal.width, normal.height) != (depth.width, depth.height) {
      normal = Resize.linear(normal, width: depth.width, height: depth.height)
    }
    normal = Normals.normalised(normal)
    let agreement = NormalAgreement(normal, depth: depth, foreground: foreground)
    guard agreement.pixels > 0 else { throw BadSample("\(label): nothing in the foreground to compare with") }
    let stored = Normals.encode(normal.masked(foreground))
    try sample.write(try ImageFile.encode(stored, as: .png16), as: "normal.png", port: "normals")
    sample.record(["source": .string(parameters.source), "agreement": agreement.json], port: "normals")
  }

  func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    guard parameters.check else { return }
    let all = context.samples("normals").compactMap { $0.record["agreement"].flatMap(NormalAgreement.init(json:)) }
    guard !all.isEmpty else { return }
    let agreement = all.reduce(into: NormalAgreement()) { $0.add($1) }
    if let problem = agreement.problem(axes: parameters.axes, flip: parameters.flip, least: parameters.minAgreement) {
      throw StageFailure(
        "the \(parameters.source) normals do not follow the axes of the depth maps: \(problem.message)",
        help: problem.help)
    }
  }
}

extension NormalsImport.Parameters {
  /// Vectors in camera axes, not yet of unit length, from a file in whatever form these parameters declare.
  func decode(_ image: DecodedImage) -> Raster {
    var result = image.raster
    let signed =
      switch encoding {
      case .unit: false
      case .signed: true
      case .auto: image.bitDepth == 32 && image.raster.pixels.contains { $0 < -0.01 }
      }
    let target = axes.map { CameraAxis.allCases.firstIndex(of: $0) ?? 0 }
    let signs = CameraAxis.allCases.map { flip.contains($0) ? Float(-1) : 1 }
    for pixel in stride(from: 0, to: result.pixels.count, by: 3) {
      for channel in 0..<3 {
        let stored = image.raster.pixels[pixel + channel]
        let component = (signed ? stored : stored * 2 - 1) * signs[target[channel]]
        result.pixels[pixel + target[channel]] = component
      }
    }
    return result
  }
}
