import Basics
import Foundation
import Imaging
import Pipeline

/// Where a mask comes from.
enum MaskSource: String, ParameterChoice {
  /// Pixels darker than the white background of the photo.
  case photo
  /// Pixels that the splat covers.
  case foreground
  /// Where both agree.
  case both
}

/// Decides which pixels of a face count in losses and metrics.
struct MasksBuild: SampleStage {
  static let type: StageType = "masks.build"
  static let version = 1
  static let summary = "Builds face masks from photos on white, from the maps' foreground, or where both agree."
  static let over = SampleDriver.input("maps")
  static let inputs = [
    InputPort("maps", .maps, doc: "Maps; masks get their size."),
    InputPort("photos", .photos, arity: .optional, doc: "Photos on white; without them those that came with the maps."),
  ]
  static let outputs = [OutputPort("masks", .masks, .samples, doc: "`mask.png`, 255 inside; record: coverage.")]

  struct Parameters: StageParameters {
    var source = MaskSource.photo
    var threshold = 12
    var closing = 7
    var opening = 3
    var erode = 0
    var minCoverage = 0.01

    static let fields: [ParameterField<Self>] = [
      .init(
        "source", \.source,
        "photo: darker than the white background; foreground: covered by the splat; both: their overlap."),
      .init(
        "threshold", \.threshold,
        "A pixel of the photo counts where 255 minus its darkest channel exceeds this (tight: 30).",
        unit: "of 255", type: .int(0...254)),
      .init("closing", \.closing, "Diameter of the closing ellipse.", unit: "px", type: .int(1...99)),
      .init("opening", \.opening, "Diameter of the opening ellipse.", unit: "px", type: .int(1...99)),
      .init("erode", \.erode, "How far the finished mask is eroded (tight: 5).", unit: "px", type: .int(0...200)),
      .init(
        "min_coverage", \.minCoverage, "A mask that covers less of the picture is a bad sample.", type: .double(0...1)),
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    var mask = try sample.mask("foreground.png", of: "maps")
    if parameters.source != .foreground {
      guard let photo = sample.samples["photos"]?.files["photo.png"] ?? sample.samples["maps"]?.files["photo.png"]
      else {
        throw BadSample(
          "`\(sample.name)` has no photo to take a mask from; connect `photos` or use `source: foreground`")
      }
      let image = try SampleImage.colour(photo, label: "photo of `\(sample.name)`")
      let face = Self.mask(ofPhoto: image, parameters).resized(width: mask.width, height: mask.height)
      mask = parameters.source == .photo ? face : mask.intersection(face)
    }
    if parameters.erode > 0 { mask = Morphology.erode(mask, ellipse: 2 * parameters.erode + 1, iterations: 1) }
    let coverage = Double(mask.count) / Double(mask.width * mask.height)
    guard coverage >= parameters.minCoverage else {
      throw BadSample(
        "the mask of `\(sample.name)` covers \(percent(coverage)) of the picture, less than \(percent(parameters.minCoverage)); "
          + "is the background of the photo white?")
    }
    try sample.write(try SampleImage.encode(mask), as: "mask.png", port: "masks")
    sample.record(["coverage": .double(rounded(coverage, 6))], port: "masks")
  }

  /// The study's silhouette: not white, closed, opened, largest component, holes filled. Input is RGB 0...1.
  static func mask(ofPhoto photo: Raster, _ parameters: Parameters) -> Mask {
    var dark = Raster(width: photo.width, height: photo.height)
    for pixel in dark.pixels.indices {
      let darkest = (0..<photo.channels).map { photo.pixels[pixel * photo.channels + $0] }.min() ?? 1
      dark.pixels[pixel] = 255 - (darkest * 255).rounded()
    }
    var mask = Mask(dark, above: Float(parameters.threshold))
    mask = Morphology.close(mask, ellipse: parameters.closing, iterations: 1)
    mask = Morphology.open(mask, ellipse: parameters.opening, iterations: 1)
    return mask.largestComponent().fillHoles()
  }
}
