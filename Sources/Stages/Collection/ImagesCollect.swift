import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Gathers the photos that later stages work on: one sample for each file.
struct ImagesCollect: SampleStage {
  static let type: StageType = "images.collect"
  static let version = 3
  static let summary = "Collects photos from a folder: square crop, resize, clean-border filter, duplicates dropped."
  static let over = SampleDriver.source("photos")
  static let inputs = [
    InputPort(
      "folder", .folder, arity: .optional, lookup: true,
      doc: "A generated folder in place of `source`; photos are taken from `subfolder` in it.")
  ]
  static let outputs = [
    OutputPort(
      "images", .photos, .samples, doc: "`photo.png`, 8-bit RGB; record: source, width, height, border_score."),
    OutputPort(
      "manifest", .manifest, .files,
      doc: "Every file, kept or rejected, and why, as CSV and JSON; rejected photos to look at in contact_sheet.html."),
  ]

  struct Parameters: StageParameters {
    var source: UserPath?
    var subfolder = "cropped_faces"
    var recursive = true
    var size = 512
    var crop = true
    var minSide = 64
    var border = 40
    var maxBorderScore: Double?
    var dedupe = true

    static let fields: [ParameterField<Self>] = [
      .init("source", \.source, "Folder of photos (png, jpg, jpeg); needed unless an input `folder` is connected."),
      .init("subfolder", \.subfolder, "Where the photos lie inside an input `folder`."),
      .init("recursive", \.recursive, "Whether folders inside the folder are searched."),
      .init("size", \.size, "Side of the finished photo.", unit: "px", type: .int(16...8192)),
      .init("crop", \.crop, "Cut the largest centred square; otherwise photos must be square already."),
      .init("min_side", \.minSide, "Photos with a shorter side are rejected.", unit: "px", type: .int(1...8192)),
      .init(
        "border", \.border, "Width of the border whose evenness is scored, at a size of 512.", unit: "px",
        type: .int(1...256)),
      .init(
        "max_border_score", \.maxBorderScore,
        "Photos whose border varies more are rejected: mean over channels of the standard deviation, in 8-bit units; null "
          + "keeps all.", type: .optional(.double(0...255))),
      .init("dedupe", \.dedupe, "Keep only the first of several photos with the same pixels."),
    ]
  }

  func sources(_ parameters: Parameters) -> [ExternalSource] {
    [
      ExternalSource(
        "photos", at: FileReference(parameters.source, orInput: "folder", path: parameters.subfolder),
        extensions: ["png", "jpg", "jpeg"], recursive: parameters.recursive)
    ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    guard let file = sample.source else { throw BadSample("`\(sample.name)` has no photo") }
    let path = sample.sourcePath ?? sample.name
    let image = try SampleImage.decode(file, label: path).photo
    var photo = image
    guard min(photo.width, photo.height) >= parameters.minSide else {
      throw BadSample(
        "\(path): \(photo.width) x \(photo.height) is smaller than `min_side` (\(parameters.minSide) px)")
    }
    if photo.width != photo.height {
      guard parameters.crop else {
        throw BadSample("\(path): \(photo.width) x \(photo.height) is not square; `crop: true` cuts the largest square")
      }
      photo = photo.centreSquare()
    }
    let side = parameters.size
    if photo.width > side {
      photo = Resize.area(photo, width: side, height: side)
    } else if photo.width < side {
      photo = Resize.cubic(photo, width: side, height: side).clamped()
    }
    let margin = max(1, min(side / 2, Int((Double(parameters.border) * Double(side) / 512).rounded())))
    try sample.write(try ImageFile.encode(photo, as: .png8), as: "photo.png", port: "images")
    sample.record(
      [
        "source": .string(path), "width": .int(image.width), "height": .int(image.height),
        "border_score": .double(rounded(photo.borderScore(margin: margin), 4)),
        "pixels": .string(image.contentDigest.short),
      ], port: "images")
  }

  func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    var first: [String: String] = [:]
    var sheet: [(Sample, String)] = []
    func reject(_ sample: Sample, _ reason: String) {
      context.reject(sample.name, reason)
      sheet.append((sample, reason))
    }
    for sample in context.samples("images") {
      if let limit = parameters.maxBorderScore, let score = sample.record["border_score"]?.doubleValue, score > limit {
        reject(
          sample,
          "border score \(Numbers.plain(score, 2)) is above \(Numbers.plain(limit, 2)): the background is not even")
        continue
      }
      guard parameters.dedupe, let pixels = sample.record["pixels"]?.stringValue else { continue }
      if let original = first[pixels] {
        reject(sample, "same pixels as `\(original)`")
      } else {
        first[pixels] = sample.name
      }
    }
    try writeManifest(context)
    try context.write(try ContactSheet.html(sheet), to: "contact_sheet.html", port: "manifest")
  }

  private func writeManifest(_ context: CollectContext) throws {
    var rows = [["name", "status", "reason", "source", "width", "height", "border_score"]]
    var list: [JSON] = []
    let kept = context.samples("images")
    let rejected = context.rejected.merging(context.outputs.rejected) { _, new in new }
    let names = Set(kept.map(\.name)).union(rejected.keys).sorted(by: naturallyPrecedes)
    let records = Dictionary(kept.map { ($0.name, $0.record) }, uniquingKeysWith: { first, _ in first })
    for name in names {
      let record = records[name]
      var entry: [String: JSON] = ["name": .string(name), "status": record == nil ? "rejected" : "kept"]
      if let reason = rejected[name] { entry["reason"] = .string(reason) }
      entry.merge(record ?? [:]) { own, _ in own }
      list.append(.object(entry))
      rows.append([
        name, record == nil ? "rejected" : "kept", rejected[name] ?? "", record?["source"]?.stringValue ?? "",
        record?["width"]?.intValue.map(String.init) ?? "", record?["height"]?.intValue.map(String.init) ?? "",
        record?["border_score"]?.doubleValue.map { Numbers.plain($0, 4) } ?? "",
      ])
    }
    try context.write(CSV.encode(rows, .result), to: "manifest.csv", port: "manifest")
    try context.write(JSON.array(list).pretty + "\n", to: "manifest.json", port: "manifest")
  }
}

extension Raster {
  /// How uneven the border is: the mean over channels of the standard deviation of its pixels, in 8-bit units. Lower is a
  /// cleaner background.
  func borderScore(margin: Int) -> Double {
    var total = 0.0
    for channel in 0..<channels {
      var sum = 0.0
      var squares = 0.0
      var count = 0.0
      for y in 0..<height {
        let inside = y >= margin && y < height - margin
        for x in 0..<width where !inside || x < margin || x >= width - margin {
          let value = Double(self[x, y, channel]) * 255
          sum += value
          squares += value * value
          count += 1
        }
      }
      total += max(0, squares / count - (sum / count) * (sum / count)).squareRoot()
    }
    return total / Double(channels)
  }

  /// Digest of the size and of the values in 8 bits: equal for the same picture whatever its file says about itself.
  var contentDigest: Digest {
    var builder = DigestBuilder()
    builder.update("\(width)x\(height)x\(channels)")
    let bytes = pixels.map { UInt8(max(0, min(255, ($0 * 255).rounded()))) }
    bytes.withUnsafeBytes { builder.update($0) }
    return builder.finish()
  }
}
