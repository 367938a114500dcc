import Basics
import Foundation
import Imaging
import Pipeline

/// Makes the low-resolution half of each training pair.
struct DepthDegrade: SampleStage {
  static let type: StageType = "depth.degrade"
  static let version = 1
  static let summary = "Makes low-resolution depth maps by one of the study's degradations."
  static let over = SampleDriver.input("dataset")
  static let inputs = [InputPort("dataset", .dataset, .maps, doc: "Samples with `depth.png`.")]
  static let outputs = [
    OutputPort("pairs", .pairs, .samples, doc: "`lr.png` (or `lr.tiff` in float), matched to the dataset by name.")
  ]

  struct Parameters: StageParameters {
    var kind = DegradationKind(QuantisedAreaReduction.self)
    var scale = 4
    var crop = false
    var noise = 0.02
    var seed = 42

    static let fields: [ParameterField<Self>] = [
      .init(
        "kind", \.kind,
        DegradationCatalogue.depth.map { "\($0.id): \($0.summary)" }.joined(separator: "; ") + "."),
      .init("scale", \.scale, "How many times smaller each side becomes.", type: .int(2...16)),
      .init(
        "crop", \.crop,
        "Leave out the last columns and rows where the scale does not divide the size; evaluation then leaves them out too."
      ),
      .init(
        "noise", \.noise,
        "Standard deviation of the noise of \(DegradationCatalogue.depth.filter { $0.isNoisy }.map { $0.id }.joined(separator: ", ")), "
          + "as a share of full scale.",
        type: .double(0...1)),
      .init("seed", \.seed, "Seed of the noise; each sample draws from a stream of its own."),
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    var map = try sample.grey("depth.png", of: "dataset")
    let scale = parameters.scale
    if parameters.crop {
      map = map.cropped(x: 0, y: 0, width: map.width / scale * scale, height: map.height / scale * scale)
    }
    guard map.width % scale == 0, map.height % scale == 0, map.width > 0, map.height > 0 else {
      throw BadSample(
        "depth.png of `\(sample.name)` is \(map.width) x \(map.height), which a scale of \(scale) does not divide")
    }
    var random = SeededRandom(seed: UInt64(bitPattern: Int64(parameters.seed)), stream: sample.name)
    let row = parameters.kind.row
    let low = row.apply(
      to: map, scale: scale, noise: DegradationNoise(deviation: parameters.noise, seed: random.next()))
    try sample.write(
      try ImageFile.encode(low, as: row.storage.encoding), as: "lr.\(row.storage.fileExtension)", port: "pairs")
    sample.record(["kind": .string(row.id), "scale": .int(scale)], port: "pairs")
  }
}
