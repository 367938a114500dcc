import Foundation
import Imaging
import Pipeline

/// One sample of a dataset and of a test set, opened.
struct EvaluatedSample {
  let name: String
  let low: Raster
  let truth: Raster
  let mask: Mask
  let photo: Raster?
  /// The mask of the protocol's zone, where one was given.
  let zone: Mask?
  /// Camera distances of depth 1 and 0, where the record has them.
  let range: DepthRange?
  private let sample: Sample
  /// Size of the truth before columns and rows were left out.
  private let fullSize: (width: Int, height: Int)

  /// - Throws: `StageFailure` and `BadSample` naming the file that is missing or does not fit.
  init(_ sample: Sample, pair: Sample, zone zoneFile: StoredFile?) throws {
    func label(_ role: String) -> String { "\(role) of `\(sample.name)`" }
    func file(_ role: String) throws -> StoredFile {
      guard let file = sample.files[role] else { throw StageFailure("`\(sample.name)` has no `\(role)`") }
      return file
    }
    guard let lowFile = pair.files["lr.png"] ?? pair.files["lr.tiff"] else {
      throw StageFailure("`\(sample.name)` has no low-resolution map")
    }
    name = sample.name
    range = DepthRange(sample.record)
    self.sample = sample
    let role = PairRecord.truthRole(pair)
    let isPhoto = role == "photo.png"
    func image(_ file: StoredFile, _ what: String) throws -> Raster {
      try isPhoto
        ? SampleImage.colour(file, label: label(what)) : SampleImage.grey(file, label: label(what))
    }
    low = try image(lowFile, "low-resolution map")
    var truth = try image(try file(role), role)
    fullSize = (truth.width, truth.height)
    var mask =
      try isPhoto && sample.files["mask.png"] == nil
      ? Mask(width: truth.width, height: truth.height, repeating: true)
      : SampleImage.mask(file("mask.png"), label: label("mask.png"))
    var zone = try zoneFile.map { try SampleImage.mask($0, label: label("zone mask")) }
    for (role, found) in [("mask", mask), ("zone mask", zone ?? mask)]
    where (found.width, found.height) != (truth.width, truth.height) {
      throw StageFailure(
        "\(role) and depth of `\(sample.name)` differ in size: \(found.width) x \(found.height), \(truth.width) x "
          + "\(truth.height)")
    }
    var photo = try sample.files["photo.png"].map { try SampleImage.colour($0, label: label("photo.png")) }
    // Where the scale does not divide the size, the degradation left out the last columns and rows.
    if let scale = pair.record["scale"]?.intValue {
      let (width, height) = (low.width * scale, low.height * scale)
      if width <= truth.width, height <= truth.height, (width, height) != (truth.width, truth.height) {
        if let picture = photo, (picture.width, picture.height) == (truth.width, truth.height) {
          photo = picture.cropped(x: 0, y: 0, width: width, height: height)
        }
        func cropped(_ mask: Mask) -> Mask { Mask(mask.raster.cropped(x: 0, y: 0, width: width, height: height)) }
        truth = truth.cropped(x: 0, y: 0, width: width, height: height)
        mask = cropped(mask)
        zone = zone.map(cropped)
      }
    }
    (self.truth, self.mask, self.photo, self.zone) = (truth, mask, photo, zone)
  }

  /// The guide of a method, cut to the size of the truth.
  /// - Throws: `StageFailure` when the dataset has no such file or it is of another shape.
  func guide(_ choice: GuideChoice) throws -> Raster {
    let whole = try choice.read(
      try choice.file(of: sample), sample: name, width: fullSize.width, height: fullSize.height)
    return (whole.width, whole.height) == (truth.width, truth.height)
      ? whole : whole.cropped(x: 0, y: 0, width: truth.width, height: truth.height)
  }
}
