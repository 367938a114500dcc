import Basics
import Foundation
import Imaging
import Pipeline
import Splats
import Synchronization

/// Makes up heads and everything that FaceLift and DSINE would give for their photos, so that a pipeline runs without
/// anybody's files. Neither FaceLift nor DSINE takes part: shapes are drawn from distance fields, the maps are rendered
/// from splats with the flaws of reconstructed ones, and `normal_dsine` holds smoothed true normals with an error added.
struct HeadsSynthesize: WholeStage {
  static let type: StageType = "heads.synthesize"
  static let version = 3
  static let summary = "Make up heads: photos, splats and their renders in the layout of a FaceLift run."
  static let inputs: [InputPort] = []
  static let outputs: [OutputPort] = [
    OutputPort("photos", .photos, .samples, doc: "Photos of the heads on white"),
    OutputPort(
      "folder", .folder, .files,
      doc:
        "The layout of a FaceLift run: splats/, depth_maps/, rgb_rendered/, normal_maps/, opacity_maps/, cropped_faces/; "
        + "normal_dsine/ (a stand-in) and true_depth/ (of the surface itself)"),
  ]

  struct Parameters: StageParameters {
    var count = 24
    var size = 256
    var gaussians = 32_000
    var seed = 7
    static let fields: [ParameterField<Self>] = [
      .init("count", \.count, "How many heads; more heads leave the first ones unchanged.", type: .int(1...100_000)),
      .init("size", \.size, "Side of photos and maps.", unit: "px", type: .int(64...2048)),
      .init(
        "gaussians", \.gaussians, "Splats a head, about; 32,000 suit maps of 256 px, 130,000 maps of 1024 px.",
        type: .int(1000...2_000_000)),
      .init("seed", \.seed, "Other heads under the same names."),
    ]
  }

  /// Names as photo collections have them: spaces, brackets, letters beyond ASCII.
  static func name(_ index: Int) -> String {
    switch index {
    case 0: "1 (100)_face"
    case 1: "2 (7)_visage é_顔"
    case 2: "3 [crop] Zoë"
    default: "head_" + String(repeating: "0", count: max(0, 3 - String(index + 1).count)) + String(index + 1)
    }
  }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let failure = Mutex<(any Error)?>(nil)
    let done = Mutex(0)
    parallelFor(parameters.count, threads: context.threads) { index in
      guard failure.withLock({ $0 == nil }), !context.services.isStopping else { return }
      do {
        try Self.write(index, context, parameters)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
      let made = done.withLock {
        $0 += 1
        return $0
      }
      context.services.report(StageProgress(done: made, total: parameters.count, unit: "heads"))
    }
    if let error = failure.withLock({ $0 }) { throw error }
    if context.services.isStopping { throw CancellationError() }
  }

  private static func write(_ index: Int, _ context: StageContext, _ parameters: Parameters) throws {
    let name = name(index)
    let size = parameters.size
    let head = SyntheticHead(seed: UInt64(bitPattern: Int64(parameters.seed)), name: name)
    func put(_ raster: Raster, _ folder: String, _ encoding: ImageFile.Encoding = .png8) throws {
      try context.write(ImageFile.encode(raster, as: encoding), to: "\(folder)/\(name).png", port: "folder")
    }
    let photo = try context.store(ImageFile.encode(head.photo(size: size), as: .png8))
    context.add(
      Sample(
        name: name, files: ["photo.png": photo],
        record: ["source": .string("made up"), "width": .int(size), "height": .int(size)]), port: "photos")
    context.outputs.add(file: photo, at: "cropped_faces/\(name).png", port: "folder")

    let cloud = head.splats(count: parameters.gaussians)
    try context.write(SplatFile.encode(cloud), to: "splats/\(name)/gaussians.ply", port: "folder")
    let maps = SplatRasteriser().render(cloud, camera: SplatCamera(width: size, height: size))
    try put(SplatMaps.truncated(maps.rgb, levels: 255), "rgb_rendered")
    try put(SplatMaps.truncated(maps.depth, levels: 65535), "depth_maps", .png16)
    try put(SplatMaps.truncated(maps.normal, levels: 255), "normal_maps")
    try put(SplatMaps.truncated(maps.opacity, levels: 255), "opacity_maps")
    try put(head.pseudoNormals(size: size), "normal_dsine")
    try put(head.depth(size: size, near: maps.near, far: maps.far), "true_depth", .png16)
  }
}
