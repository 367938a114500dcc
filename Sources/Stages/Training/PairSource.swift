import Foundation
import Imaging
import NN
import Pipeline

/// The samples of one side of a dataset that have a low-resolution pair, as examples for training.
struct PairSource: TrainingSource {
  private struct Entry {
    var name: String
    var low: StoredFile
    var truth: StoredFile
    /// The role of the truth, as messages call it.
    var role: String
    var mask: StoredFile?
    var normal: StoredFile?
    var guide: StoredFile?
  }

  private let entries: [Entry]
  private let guide: GuideChoice?

  /// - Parameters:
  ///   - normals: the source of the normals wanted, such as `splat`.
  ///   - guide: what a guided network sees besides.
  /// - Throws: `StageFailure` naming a sample without the files that training needs.
  init(_ dataset: Artifact, _ pairs: Artifact, side: String, normals: String?, guide: GuideChoice?) throws {
    let low = Dictionary(uniqueKeysWithValues: pairs.samples.map { ($0.name, $0) })
    self.guide = guide
    entries = try dataset.samples.compactMap { sample in
      guard sample.record["side"]?.stringValue == side, let pair = low[sample.name] else { return nil }
      guard let image = pair.files["lr.png"] ?? pair.files["lr.tiff"] else {
        throw StageFailure("`\(sample.name)` has no `lr.png`")
      }
      let role = PairRecord.truthRole(pair)
      guard let truth = sample.files[role] else { throw StageFailure("`\(sample.name)` has no `\(role)`") }
      var normal: StoredFile?
      if let normals {
        guard let file = sample.files["normal_\(normals).png"] else {
          throw StageFailure(
            "`\(sample.name)` has no `normal_\(normals).png`",
            help: "connect these normals to the dataset, or set loss.normals.source to none")
        }
        normal = file
      }
      return Entry(
        name: sample.name, low: image, truth: truth, role: role, mask: sample.files["mask.png"], normal: normal,
        guide: try guide?.file(of: sample))
    }
  }

  var count: Int { entries.count }
  func name(_ index: Int) -> String { entries[index].name }

  /// Reads, checks and crops to whole low-resolution pixels.
  func load(_ index: Int) throws -> TrainingSample {
    let entry = entries[index]
    func read(_ file: StoredFile, _ what: String) throws -> Raster { try ImageFile.read(file.url).raster }
    let low = try read(entry.low, "low-resolution map")
    var high = try read(entry.truth, entry.role)
    let channels = entry.role == "photo.png" ? 3 : 1
    for (raster, what) in [(low, "low-resolution map"), (high, entry.role)] where raster.channels != channels {
      throw StageFailure(
        "the \(what) of `\(entry.name)` has \(raster.channels) channels, not \(channels)")
    }
    let scale = high.width / max(1, low.width)
    let (fullWidth, fullHeight) = (high.width, high.height)
    // Where the scale does not divide the size, the degradation left out the last columns and rows.
    guard scale > 0, high.width / scale == low.width, high.height / scale == low.height else {
      throw StageFailure(
        "`\(entry.name)`: \(entry.role) of \(high.width) x \(high.height) is no multiple of its pair's "
          + "\(low.width) x \(low.height)")
    }
    func fitted(_ raster: Raster) -> Raster {
      (raster.width, raster.height) == (low.width * scale, low.height * scale)
        ? raster : raster.cropped(x: 0, y: 0, width: low.width * scale, height: low.height * scale)
    }
    func checked(_ raster: Raster, _ what: String, channels: Int) throws -> Raster {
      guard (raster.width, raster.height, raster.channels) == (fullWidth, fullHeight, channels) else {
        throw StageFailure(
          "the \(what) of `\(entry.name)` is \(raster.width) x \(raster.height) with \(raster.channels) channels, "
            + "expected \(fullWidth) x \(fullHeight) with \(channels)")
      }
      return fitted(raster)
    }
    let mask = try entry.mask.map { try checked(read($0, "mask"), "mask", channels: 1) }
    let normal = try entry.normal.map { try checked(read($0, "normal map"), "normal map", channels: 3) }
    let seen = try entry.guide.flatMap { file in
      try guide.map { try $0.read(file, sample: entry.name, width: fullWidth, height: fullHeight) }
    }
    high = fitted(high)
    return TrainingSample(
      name: entry.name, height: low.height, width: low.width, scale: scale, channels: channels, image: low.planes,
      target: high.planes, mask: mask.map { $0.pixels.map { $0 > 0.5 ? 1 : 0 } },
      normal: normal.map { Self.unitNormals($0) }, guide: seen.map { fitted($0).planes })
  }

  /// Unit vectors as three planes from pixels that hold n * 0.5 + 0.5. Pixels without a normal hold 0.5, which no integer
  /// says exactly: vectors this short are none, not a direction.
  private static func unitNormals(_ raster: Raster) -> [Float] {
    let area = raster.width * raster.height
    var result = [Float](repeating: 0, count: 3 * area)
    for i in 0..<area {
      let n = (0..<3).map { raster.pixels[3 * i + $0] * 2 - 1 }
      let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).squareRoot()
      if length > 0.05 { for k in 0..<3 { result[k * area + i] = n[k] / length } }
    }
    return result
  }
}

/// What the record of a low-resolution pair says.
enum PairRecord {
  /// The file of a dataset's sample that a pair was made from, and that its super-resolution is measured against.
  static func truthRole(_ pair: Sample) -> String { pair.record["of"]?.stringValue ?? "depth.png" }
}

extension Raster {
  /// Channel after channel, as networks take them.
  package var planes: [Float] {
    if channels == 1 { return pixels }
    let area = width * height
    var result = [Float](repeating: 0, count: pixels.count)
    for i in 0..<area { for c in 0..<channels { result[c * area + i] = pixels[i * channels + c] } }
    return result
  }

  /// An image from its channels one after the other.
  package init(planes: [Float], width: Int, height: Int) {
    let area = width * height
    let channels = planes.count / max(1, area)
    self.init(width: width, height: height, channels: channels)
    for c in 0..<channels { for i in 0..<area { pixels[i * channels + c] = planes[c * area + i] } }
  }
}
