import Imaging
import NN
import Pipeline

/// The file of a dataset's samples that a guided network sees beside its input.
package struct GuideChoice: Hashable, Sendable {
  /// The file's name without `.png`: `photo`, `relative`.
  package var name: String
  package var kind: GuideKind

  /// The guide of a network: `name` if it is given, else what its kind says; nil for networks without a guide.
  /// - Throws: `StageFailure` when a network that has no guide is given one.
  package init?(_ network: any Network, name: String?) throws { try self.init(network.guideKind, name: name) }

  /// As above, for a row of the catalogue.
  init?(_ kind: ModelKind, name: String?) throws { try self.init(kind.guide, name: name) }

  private init?(_ kind: GuideKind?, name: String?) throws {
    guard let kind else {
      guard let name else { return nil }
      throw StageFailure("this network takes no guide, but `guide` is `\(name)`", help: "leave `guide` out")
    }
    self.kind = kind
    self.name = name ?? kind.rawValue
  }

  var role: String { "\(name).png" }

  /// - Throws: `StageFailure` saying where such a file would come from.
  func file(of sample: Sample) throws -> StoredFile {
    guard let file = sample.files[role] else {
      let help =
        kind == .relative
        ? "connect `relative.import` to the dataset, or name another of its files in `guide`"
        : "make the dataset with photos, or name another of its files in `guide`"
      throw StageFailure("`\(sample.name)` has no `\(role)`, which this network is guided by", help: help)
    }
    return file
  }

  /// The guide at the size of the truth: as many channels as the network takes; bicubic where it is smaller, area averages
  /// where it is larger.
  /// - Throws: `StageFailure` when its shape is not that of the truth.
  func read(_ file: StoredFile, sample: String, width: Int, height: Int) throws -> Raster {
    let label = "\(role) of `\(sample)`"
    let image = try SampleImage.decode(file, label: label)
    return try fitted(channels(of: image), label: label, width: width, height: height)
  }

  /// As many channels as the network sees: grey repeated, or the mean of the colours.
  package func channels(of image: DecodedImage) -> Raster {
    if kind == .photo { return image.photo }
    return image.raster.channels == 1 ? image.raster : image.raster.meanOfChannels()
  }

  package func fitted(_ raster: Raster, label: String, width: Int, height: Int) throws -> Raster {
    if (raster.width, raster.height) == (width, height) { return raster }
    let ratio = Double(raster.width * height) / Double(raster.height * width)
    guard abs(ratio - 1) < 0.01 else {
      throw StageFailure(
        "\(label) is \(raster.width) x \(raster.height), which is not the shape of the truth, \(width) x \(height)",
        help: "guides must show the same picture; cut them alike")
    }
    return
      (raster.width > width
      ? Resize.area(raster, width: width, height: height) : Resize.cubic(raster, width: width, height: height))
      .clamped()
  }
}
