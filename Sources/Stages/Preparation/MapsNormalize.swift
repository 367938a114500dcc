import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Turns rendered maps into clean, comparable ones: artefacts cut away, holes filled, depth relative to the nose.
struct MapsNormalize: SampleStage {
  static let type: StageType = "maps.normalize"
  static let version = 3
  static let summary = "Cleans rendered maps, fills holes in float, normalises depth to the nose, smooths normals."
  static let over = SampleDriver.input("renders")
  static let inputs = [
    InputPort("renders", .renders, doc: "Rendered maps."),
    InputPort("photos", .photos, arity: .optional, doc: "Photos, for samples whose renders came without one."),
  ]
  static let outputs = [
    OutputPort(
      "maps", .maps, .samples,
      doc: "`depth.png`, `normal.png`, `foreground.png`, `rgb.png`; record: consistency, holes_filled_px, …")
  ]

  typealias Parameters = MapCleaning

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let depth = try sample.grey("depth.png", of: "renders")
    let opacity = try sample.grey("opacity.png", of: "renders")
    let normal = try sample.colour("normal.png", of: "renders")
    guard (opacity.width, opacity.height) == (depth.width, depth.height),
      (normal.width, normal.height) == (depth.width, depth.height)
    else {
      throw BadSample(
        "depth, opacity and normals of `\(sample.name)` differ in size: \(depth.width) x \(depth.height), "
          + "\(opacity.width) x \(opacity.height), \(normal.width) x \(normal.height)")
    }
    let photo =
      sample.samples["renders"]?.files["photo.png"] ?? sample.samples["photos"]?.files["photo.png"]
    var guide: Raster?
    if let photo, parameters.normals.smoothing {
      let image = try SampleImage.colour(photo, label: "photo of `\(sample.name)`")
      guide =
        (image.width, image.height) == (depth.width, depth.height)
        ? image : Resize.linear(image, width: depth.width, height: depth.height)
    }
    let cleaned: CleanedMaps
    do {
      cleaned = try parameters.clean(depth: depth, opacity: opacity, normal: normal, guide: guide)
    } catch let bad as BadSample {
      throw BadSample("`\(sample.name)`: \(bad.reason)")
    }
    if let limit = parameters.minConsistency, let agreement = cleaned.consistency, agreement < limit {
      throw BadSample(
        "depth and normals of `\(sample.name)` agree to \(Numbers.plain(agreement, 3)), less than "
          + "`min_consistency` \(Numbers.plain(limit, 3))")
    }
    let port = "maps"
    try sample.write(try ImageFile.encode(cleaned.depth, as: .png16), as: "depth.png", port: port)
    try sample.write(try ImageFile.encode(cleaned.normal, as: .png16), as: "normal.png", port: port)
    try sample.write(try SampleImage.encode(cleaned.foreground), as: "foreground.png", port: port)
    sample.pass(try sample.file("rgb.png", of: "renders"), as: "rgb.png", port: port)
    if let photo { sample.pass(photo, as: "photo.png", port: port) }
    // Where the camera stood and what 1 and 0 were in the world, for evaluation.
    let known = sample.samples["renders"]?.record.filter { ["near", "far", "yaw"].contains($0.key) } ?? [:]
    sample.record(cleaned.facts.merging(known) { own, _ in own }, port: port)
  }
}
