import Foundation
import Imaging
import Pipeline
import Stages

/// Brightens or darkens photos: each value v in 0...1 becomes v to the power of gamma.
struct PhotosGamma: SampleStage {
  static let type: StageType = "photos.gamma"
  static let version = 1  // part of the key: raise it when the same input gives other bytes
  static let summary = "Brightens or darkens photos by a power of their values."
  static let inputs = [InputPort("photos", .photos, doc: "Photos.")]
  static let outputs = [OutputPort("photos", .photos, .samples, doc: "`photo.png`, 8-bit RGB.")]
  static let over = SampleDriver.input("photos")

  struct Parameters: StageParameters {
    var gamma = 0.8

    static let fields: [ParameterField<Self>] = [
      .init("gamma", \.gamma, "The power: below 1 brightens, above 1 darkens.", type: .double(0.1...10))
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let photo = try ImageFile.read(try sample.file("photo.png", of: "photos").url).raster
    let changed = Self.changed(photo, gamma: Float(parameters.gamma))
    try sample.write(try ImageFile.encode(changed, as: .png8), as: "photo.png", port: "photos")
  }

  /// A pure function of pixels and parameters.
  static func changed(_ photo: Raster, gamma: Float) -> Raster {
    var result = photo
    for index in result.pixels.indices { result.pixels[index] = pow(photo.pixels[index], gamma) }
    return result
  }
}
