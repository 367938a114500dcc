import Basics
import Foundation
import Imaging
import Pipeline

/// Makes the low-resolution half of each pair of photos.
struct PhotosDegrade: SampleStage {
  static let type: StageType = "photos.degrade"
  static let version = 1
  static let summary =
    "Makes low-resolution photos: by interpolation or by the second-order degradation of blind restoration."
  static let over = SampleDriver.input("dataset")
  static let inputs = [InputPort("dataset", .dataset, doc: "Samples with `photo.png`.")]
  static let outputs = [
    OutputPort(
      "pairs", .pairs, .samples, doc: "`lr.png`, 8-bit RGB, matched to the dataset by name; record: of, scale.")
  ]

  /// One round of the second-order degradation; `Defaults` gives the values that a file leaves out.
  struct Round<Defaults: RoundDefaults>: StageParameters {
    var blurChance: Double
    var sincChance: Double
    var blurSigma: [Double]
    var growChance: Double
    var shrinkChance: Double
    var resize: [Double]
    var gaussianChance: Double
    var greyChance: Double
    var noise: [Double]
    var poisson: [Double]
    var jpeg: [Int]

    init() {
      let round = Defaults.round
      func list(_ range: ClosedRange<Double>) -> [Double] { [range.lowerBound, range.upperBound] }
      (blurChance, sincChance, blurSigma) = (round.blurChance, round.sincChance, list(round.blurSigma))
      (growChance, shrinkChance, resize) = (round.growChance, round.shrinkChance, list(round.resizeRange))
      (gaussianChance, greyChance) = (round.gaussianChance, round.greyChance)
      (noise, poisson) = (list(round.gaussianNoise), list(round.poissonScale))
      jpeg = [round.quality.lowerBound, round.quality.upperBound]
    }

    static var fields: [ParameterField<Self>] {
      [
        .init("blur_chance", \.blurChance, "Chance of a blur.", type: .double(0...1)),
        .init("sinc_chance", \.sincChance, "Chance of a ringing low-pass filter in its place.", type: .double(0...1)),
        .init(
          "blur_sigma", \.blurSigma, "Least and largest sigma of the blur.", unit: "px",
          check: { Self.range($0, 0.01...100) }),
        .init("grow_chance", \.growChance, "Chance of being enlarged.", type: .double(0...1)),
        .init("shrink_chance", \.shrinkChance, "Chance of being reduced.", type: .double(0...1)),
        .init("resize", \.resize, "Least and largest factor of the size.", check: { Self.range($0, 0.01...4) }),
        .init(
          "gaussian_chance", \.gaussianChance, "Chance of Gaussian noise; else Poisson noise.", type: .double(0...1)),
        .init("grey_chance", \.greyChance, "Chance of noise that is equal in all channels.", type: .double(0...1)),
        .init(
          "noise", \.noise, "Least and largest sigma of Gaussian noise, in 8-bit levels.",
          check: { Self.range($0, 0...255) }),
        .init(
          "poisson", \.poisson, "Least and largest factor of Poisson noise.", check: { Self.range($0, 0...100) }),
        .init(
          "jpeg", \.jpeg, "Least and largest JPEG quality.",
          check: { Self.range($0.map(Double.init), 1...100) }),
      ]
    }

    private static func range(_ values: [Double], _ limits: ClosedRange<Double>) -> String? {
      values.count == 2 && values[0] <= values[1] && limits.contains(values[0]) && limits.contains(values[1])
        ? nil : "must be two numbers in \(limits), the smaller first"
    }

    func validate() -> [String] {
      growChance + shrinkChance > 1 ? ["`grow_chance` and `shrink_chance` are more than 1 together"] : []
    }

    var round: SecondOrderDegradation.Round {
      var result = SecondOrderDegradation.Round()
      func range(_ values: [Double]) -> ClosedRange<Double> { values[0]...values[1] }
      (result.blurChance, result.sincChance, result.blurSigma) = (blurChance, sincChance, range(blurSigma))
      (result.growChance, result.shrinkChance, result.resizeRange) = (growChance, shrinkChance, range(resize))
      (result.gaussianChance, result.greyChance) = (gaussianChance, greyChance)
      (result.gaussianNoise, result.poissonScale) = (range(noise), range(poisson))
      result.quality = jpeg[0]...jpeg[1]
      return result
    }
  }

  struct Parameters: StageParameters {
    var kind = PhotoDegradationKind(SecondOrderPhotoDegradation.self)
    var scale = 4
    var seed = 42
    var first = Round<FirstRound>()
    var second = Round<SecondRound>()
    var finalSinc = 0.8

    static let fields: [ParameterField<Self>] = [
      .init(
        "kind", \.kind,
        DegradationCatalogue.photo.map { "\($0.id): \($0.summary)" }.joined(separator: "; ") + "."),
      .init("scale", \.scale, "How many times smaller each side becomes.", type: .int(1...16)),
      .init("seed", \.seed, "Seed of all draws; each sample draws from a stream of its own."),
      .init("first", \.first, "The first round of \(SecondOrderPhotoDegradation.id)."),
      .init("second", \.second, "Its second round."),
      .init("final_sinc", \.finalSinc, "Chance of the last sinc filter.", type: .double(0...1)),
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let photo = try sample.colour("photo.png", of: "dataset")
    let scale = parameters.scale
    guard photo.width % scale == 0, photo.height % scale == 0, photo.width > 0, photo.height > 0 else {
      throw BadSample(
        "photo.png of `\(sample.name)` is \(photo.width) x \(photo.height), which a scale of \(scale) does not divide")
    }
    let row = parameters.kind.row
    var settings = SecondOrderDegradation()
    (settings.first, settings.second) = (parameters.first.round, parameters.second.round)
    (settings.finalSincChance, settings.scale) = (parameters.finalSinc, scale)
    var random = SeededRandom(seed: UInt64(bitPattern: Int64(parameters.seed)), stream: sample.name)
    let low = try row.apply(to: photo, settings: settings, seed: random.next())
    try sample.write(try ImageFile.encode(low.clamped(), as: .png8), as: "lr.png", port: "pairs")
    sample.record(
      ["kind": .string(row.id), "scale": .int(scale), "of": "photo.png"], port: "pairs")
  }
}

/// The defaults of a round of the second-order degradation.
protocol RoundDefaults: Hashable, Sendable {
  static var round: SecondOrderDegradation.Round { get }
}

enum FirstRound: RoundDefaults { static var round: SecondOrderDegradation.Round { .init() } }
enum SecondRound: RoundDefaults { static var round: SecondOrderDegradation.Round { .second } }
