import Basics
import Foundation
import Imaging
import Pipeline

/// The kinds of output of a FaceLift run.
enum FaceliftOutput: String, ParameterChoice {
  /// Rendered maps: depth, colour, normals, opacity.
  case maps
  /// The Gaussians themselves, to be rendered by `splats.render`.
  case splats
}

/// Takes in what FaceLift, run by a person elsewhere, made of each photo. The gate waits until it is there and valid.
struct FaceliftIngest: SampleStage {
  static let type: StageType = "facelift.ingest"
  static let version = 2
  static let summary = "Waits for FaceLift's output for every photo and checks it: maps, splats or both."
  static let over = SampleDriver.input("photos")
  static let inputs = [
    InputPort("photos", .photos, doc: "The photos given to FaceLift; one output is expected for each."),
    InputPort(
      "folder", .folder, arity: .optional, lookup: true,
      doc: "A generated folder in FaceLift's layout in place of `folder`."),
  ]
  static let outputs = [mapsPort]
  static let gate: StageGate? = StageGate(
    approve: .explicit, coverage: 1,
    message: "Run FaceLift on the collected photos and put its output into the folder of this stage.")

  private static let mapsPort = OutputPort("maps", .renders, .samples, doc: "The rendered maps as they came; checked.")
  private static let splatsPort = OutputPort("splats", .splats, .samples, doc: "`gaussians.ply` as it came; checked.")

  struct Parameters: StageParameters {
    var folder: UserPath?
    var accept: [FaceliftOutput] = [.maps]
    var namePattern = "{name}"
    var allow8bit = false
    var minForeground = 0.01

    static let fields: [ParameterField<Self>] = [
      .init(
        "folder", \.folder,
        "Folder of the FaceLift run: depth_maps/, rgb_rendered/, normal_maps/, opacity_maps/ and optionally cropped_faces/, "
          + "mask/ with <name>.png each; splats/<name>/gaussians.ply. Needed unless an input `folder` is connected."),
      .init("accept", \.accept, "What is expected for every photo: maps, splats, or both."),
      .init(
        "name_pattern", \.namePattern, "How FaceLift's files are named after a photo; `{name}` is the photo's name."),
      .init(
        "allow_8bit", \.allow8bit, "Take depth maps of 8 bits where 16 are expected, with a note in the record."),
      .init(
        "min_foreground", \.minForeground, "An opacity map that covers less of the picture is a defect.",
        type: .double(0...1)),
    ]

    func validate() -> [String] {
      var problems: [String] = []
      if accept.isEmpty { problems.append("`accept` is empty; choose maps, splats or both") }
      if !namePattern.contains("{name}") { problems.append("`name_pattern` does not contain {name}") }
      return problems
    }
  }

  static func outputs(for parameters: Parameters) -> [OutputPort] {
    parameters.accept.contains(.splats)
      ? (parameters.accept.contains(.maps) ? [mapsPort, splatsPort] : [splatsPort]) : [mapsPort]
  }

  /// `subjects.<name>.dmin` and `.dmax`: camera distances of depth 1 and 0, for metrics in world units.
  private static let rangeFile = "depth_range.json"

  /// Role in the artifact, folder of the layout, and whether maps are incomplete without it.
  private static let mapRoles: [(role: String, folder: String, required: Bool)] = [
    ("depth.png", "depth_maps", true), ("rgb.png", "rgb_rendered", true), ("normal.png", "normal_maps", true),
    ("opacity.png", "opacity_maps", true), ("photo.png", "cropped_faces", false), ("mask.png", "mask", false),
  ]

  func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    if parameters.accept.isEmpty { return nil }
    let root = FileReference(parameters.folder, orInput: "folder")
    return { sample in
      let names = SampleFiles.names(parameters.namePattern, of: sample)
      var files: [ExternalFile] = []
      if parameters.accept.contains(.maps) {
        for (role, folder, required) in Self.mapRoles {
          let candidates = names.map { root.appending("\(folder)/\($0).png") }
          files.append(ExternalFile(role, candidates: candidates, required: required))
        }
        files.append(ExternalFile(Self.rangeFile, candidates: [root.appending(Self.rangeFile)], required: false))
      }
      if parameters.accept.contains(.splats) {
        let candidates = names.map { root.appending("splats/\($0)/gaussians.ply") }
        files.append(ExternalFile("gaussians.ply", candidates: candidates))
      }
      return files
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let fileName = parameters.namePattern.replacing("{name}", with: sample.name)
    if parameters.accept.contains(.maps) { try takeMaps(sample, fileName, parameters) }
    if parameters.accept.contains(.splats) { try takeSplat(sample, fileName) }
  }

  /// Checks all maps before it complains, so that a person mends everything at once.
  private func takeMaps(_ sample: SampleContext, _ fileName: String, _ parameters: Parameters) throws {
    var problems: [String] = []
    var images: [String: DecodedImage] = [:]
    for (role, folder, required) in Self.mapRoles {
      let path = "\(folder)/\(fileName).png"
      guard let file = sample.external[role] else {
        if required { problems.append("\(path): missing") }
        continue
      }
      do {
        images[role] = try SampleImage.decode(file, label: path, within: 0...1)
      } catch let bad as BadSample {
        problems.append(bad.reason)
      }
    }
    let depthPath = "depth_maps/\(fileName).png"
    var facts: [String: JSON] = [:]
    var widened: Data?
    if let depth = images["depth.png"] {
      facts["width"] = .int(depth.raster.width)
      facts["height"] = .int(depth.raster.height)
      facts["depth_bits"] = .int(depth.bitDepth)
      if depth.raster.channels != 1 {
        problems.append("\(depthPath): a grey image is expected, this one has \(depth.raster.channels) channels")
      } else if depth.bitDepth < 16 {
        if parameters.allow8bit {
          facts["note"] = .string("\(depthPath) has 8 bits; widened to 16 because of `allow_8bit`")
          widened = try ImageFile.encode(depth.raster, as: .png16)
        } else {
          problems.append(
            "\(depthPath): \(depth.bitDepth) bits where 16 are expected; export it again with 16 bits, or set "
              + "`allow_8bit: true`")
        }
      }
      if !depth.raster.pixels.contains(where: { $0 > 0 }) { problems.append("\(depthPath): every value is 0") }
      for (role, folder, _) in Self.mapRoles.prefix(4).dropFirst() {
        guard let other = images[role]?.raster else { continue }
        if other.width != depth.raster.width || other.height != depth.raster.height {
          problems.append(
            "\(folder)/\(fileName).png: \(other.width) x \(other.height), but the depth map is "
              + "\(depth.raster.width) x \(depth.raster.height)")
        }
      }
    }
    if let normal = images["normal.png"]?.raster, normal.channels != 3 {
      problems.append("normal_maps/\(fileName).png: an RGB image is expected, this one is grey")
    }
    if let opacity = images["opacity.png"]?.raster {
      let covered = opacity.meanOfChannels().pixels.count { $0 > 0.3 }
      let share = Double(covered) / Double(opacity.width * opacity.height)
      facts["foreground"] = .double(rounded(share, 6))
      if share < parameters.minForeground {
        problems.append(
          "opacity_maps/\(fileName).png: only \(percent(share)) of the picture is covered, less than "
            + "\(percent(parameters.minForeground))")
      }
    }
    if let file = sample.external[Self.rangeFile] {
      do {
        let range = try JSON(parsing: try Data(contentsOf: file.url))["subjects"]?[fileName]
        if let near = range?["dmin"]?.doubleValue, let far = range?["dmax"]?.doubleValue {
          (facts["near"], facts["far"]) = (.double(near), .double(far))
        }
      } catch { problems.append("\(Self.rangeFile): \(error)") }
    }
    guard problems.isEmpty else { throw BadSample(problems.joined(separator: "; ")) }
    for (role, _, _) in Self.mapRoles {
      if role == "depth.png", let widened {
        try sample.write(widened, as: role, port: "maps")
      } else if let file = sample.external[role] {
        sample.pass(file, as: role, port: "maps")
      }
    }
    if sample.external["photo.png"] == nil, let photo = sample.samples["photos"]?.files["photo.png"] {
      sample.pass(photo, as: "photo.png", port: "maps")
    }
    sample.record(facts, port: "maps")
  }

  private func takeSplat(_ sample: SampleContext, _ fileName: String) throws {
    let path = "splats/\(fileName)/gaussians.ply"
    guard let file = sample.external["gaussians.ply"] else { throw BadSample("\(path): missing") }
    sample.pass(file, as: "gaussians.ply", port: "splats")
    if let photo = sample.samples["photos"]?.files["photo.png"] { sample.pass(photo, as: "photo.png", port: "splats") }
    sample.record(try SplatCheck.facts(of: file, label: path), port: "splats")
  }
}
