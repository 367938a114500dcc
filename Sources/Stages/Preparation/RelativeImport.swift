import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Brings in relative depth that an outside network (Depth Anything) made of the photos.
struct RelativeImport: SampleStage {
  static let type: StageType = "relative.import"
  static let version = 1
  static let summary =
    "Imports relative depth made elsewhere (Depth Anything): checks its direction, resizes, scales to 0...1."
  static let over = SampleDriver.input("maps")
  static let inputs = [
    InputPort(
      "maps", .maps, doc: "Maps; relative depth gets their size, and its direction is checked against their depth."),
    InputPort(
      "folder", .folder, arity: .optional, lookup: true,
      doc: "A generated folder in place of `folder`; relative depth is taken from `subfolder` in it."),
  ]
  static let outputs = [
    OutputPort("relative", .relative, .samples, doc: "`relative.png`, 16-bit grey, 1 = nearest; record: agreement.")
  ]
  static let gate: StageGate? = StageGate(
    approve: .automatic, coverage: 1,
    message: "Run Depth Anything on the photos and put one map for each sample into the folder of this stage.")

  struct Parameters: StageParameters {
    var folder: UserPath?
    var subfolder = "relative_depth"
    var namePattern = "{name}"
    var invert = false
    var lowPercentile = 1.0
    var highPercentile = 99.0
    var minAgreement = 0.3

    static let fields: [ParameterField<Self>] = [
      .init("folder", \.folder, "Folder of <name>.png, .tif or .tiff; needed unless an input `folder` is connected."),
      .init("subfolder", \.subfolder, "Where the maps lie inside an input `folder`."),
      .init("name_pattern", \.namePattern, "How files are named after a sample; `{name}` is the sample's name."),
      .init("invert", \.invert, "Whether small values are near (depth); Depth Anything writes large values for near."),
      .init(
        "low_percentile", \.lowPercentile, "This percentile of a map becomes 0.", unit: "%", type: .double(0...100)),
      .init(
        "high_percentile", \.highPercentile, "This percentile becomes 1.", unit: "%", type: .double(0...100)),
      .init(
        "min_agreement", \.minAgreement,
        "Least mean correlation with the depth inside the foreground; below it the direction is taken to be wrong.",
        type: .double(-1...1)),
    ]

    func validate() -> [String] {
      (lowPercentile < highPercentile ? [] : ["`low_percentile` must be smaller than `high_percentile`"])
        + (namePattern.contains("{name}") ? [] : ["`name_pattern` does not contain {name}"])
    }
  }

  func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    let root = FileReference(parameters.folder, orInput: "folder", path: parameters.subfolder)
    return { sample in
      [ExternalFile("relative", candidates: root.images(of: sample, pattern: parameters.namePattern))]
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let label = "relative depth of `\(sample.name)`"
    guard let file = sample.external["relative"] else { throw BadSample("`\(sample.name)` has no relative depth") }
    let depth = try sample.grey("depth.png", of: "maps")
    let foreground = try sample.mask("foreground.png", of: "maps")
    var map = try SampleImage.grey(file, label: label)
    guard map.pixels.allSatisfy(\.isFinite) else { throw BadSample("\(label) holds values that are not finite") }
    // A map of the uncropped photo shows another part of the world: squeezed onto the maps it would be wrong everywhere.
    guard abs(Double(map.width * depth.height) / Double(map.height * depth.width) - 1) < 0.01 else {
      throw BadSample(
        "\(label) is \(map.width) x \(map.height), which is not the shape of the maps, \(depth.width) x \(depth.height); "
          + "make it from the square photo of the dataset")
    }
    let ends = Statistics.percentiles(map.pixels, [parameters.lowPercentile, parameters.highPercentile])
    guard ends[1] - ends[0] > 1e-6 else { throw BadSample("\(label) has one value everywhere") }
    let (low, range) = (Float(ends[0]), Float(ends[1] - ends[0]))
    map = map.mapped { value in
      let scaled = min(max((value - low) / range, 0), 1)
      return parameters.invert ? 1 - scaled : scaled
    }
    if (map.width, map.height) != (depth.width, depth.height) {
      map = Resize.linear(map, width: depth.width, height: depth.height)
    }
    try sample.write(try ImageFile.encode(map, as: .png16), as: "relative.png", port: "relative")
    sample.record(
      ["agreement": .double(rounded(Self.correlation(map, depth, foreground), 4))], port: "relative")
  }

  /// Pearson's correlation of two maps inside a mask; 0 where one of them is flat.
  static func correlation(_ a: Raster, _ b: Raster, _ mask: Mask) -> Double {
    var (n, sa, sb, saa, sbb, sab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for i in a.pixels.indices where mask[i] {
      let (x, y) = (Double(a.pixels[i]), Double(b.pixels[i]))
      n += 1
      (sa, sb, saa, sbb, sab) = (sa + x, sb + y, saa + x * x, sbb + y * y, sab + x * y)
    }
    let product = (saa * n - sa * sa) * (sbb * n - sb * sb)
    return product > 0 ? (sab * n - sa * sb) / product.squareRoot() : 0
  }

  func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    let values = context.samples("relative").compactMap { $0.record["agreement"]?.doubleValue }
    guard !values.isEmpty else { return }
    let mean = values.reduce(0, +) / Double(values.count)
    guard mean >= parameters.minAgreement else {
      throw StageFailure(
        "relative depth correlates with depth by \(Numbers.plain(mean, 2)) on average, less than `min_agreement` "
          + "(\(Numbers.plain(parameters.minAgreement, 2)))",
        help: mean <= -0.3
          ? "its direction is the other one: set `invert: \(!parameters.invert)`"
          : "it follows the depth in neither direction: are these maps of the same photos, values rather than colours, and "
            + "named alike? Lower `min_agreement` only if they are right")
    }
  }
}
