import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

extension Alignment.Refinement: ParameterChoice {}

/// Moves renders onto the photos they were made from, so that masks and guides taken from the photo fit.
struct RendersAlign: SampleStage {
  static let type: StageType = "renders.align"
  static let version = 1
  static let summary =
    "Aligns renders to their photos: outline, eyes and nose (or landmarks), RANSAC similarity, ECC refinement."
  static let over = SampleDriver.input("renders")
  static let inputs = [
    InputPort("renders", .renders, doc: "Maps as rendered."),
    InputPort(
      "photos", .photos, arity: .optional, doc: "Photos on white; without them those that came with the renders."),
  ]
  static let outputs = [
    OutputPort(
      "renders", .renders, .samples,
      doc: "The same maps, moved; record: align_moved_px, align_scale, align_angle, align_matrix, align_correlation, "
        + "align_inliers.")
  ]

  struct Parameters: StageParameters {
    var landmarks: UserPath?
    var opacityThreshold = 0.3
    var photoThreshold = 12
    var tolerance = 8.0
    var refine = Alignment.Refinement.head
    var minMove = 0.5
    var maxMove = 0.15
    var minCorrelation: Double?

    static let fields: [ParameterField<Self>] = [
      .init(
        "landmarks", \.landmarks,
        "Folder of <name>.csv with `photo_x,photo_y,render_x,render_y` in pixels of the render's size; null: outline, eyes "
          + "and nose are found in the pictures."),
      .init(
        "opacity_threshold", \.opacityThreshold, "The render's head is where opacity exceeds this.",
        type: .double(0...1)),
      .init(
        "photo_threshold", \.photoThreshold, "The photo's head is where 255 minus the darkest channel exceeds this.",
        unit: "of 255", type: .int(0...254)),
      .init(
        "tolerance", \.tolerance, "How far pairs of points may miss in RANSAC.", unit: "px", type: .double(0.5...200)),
      .init(
        "refine", \.refine,
        "Refinement to an affine map on the pictures (ECC, 50 iterations, 1e-4); none; head: with its outline; face: then on "
          + "its inside alone."),
      .init(
        "min_move", \.minMove, "Maps whose corners would move less are passed on untouched: nothing is resampled.",
        unit: "px", type: .double(0...100)),
      .init(
        "max_move", \.maxMove, "A larger move of a corner is taken for a failure: the sample is bad.",
        unit: "of the longer side", type: .double(0...10)),
      .init(
        "min_correlation", \.minCorrelation, "Samples whose pictures correlate less are bad samples; null accepts all.",
        type: .optional(.double(-1...1))),
    ]
  }

  func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    guard let folder = parameters.landmarks else { return nil }
    return { sample in
      let names = SampleFiles.spellings(of: sample)
      return [ExternalFile("landmarks", candidates: names.map { .path("\(folder.path)/\($0).csv") })]
    }
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let port = "renders"
    let rgb = try sample.colour("rgb.png", of: port)
    let opacity = try sample.grey("opacity.png", of: port)
    let depth = try sample.grey("depth.png", of: port)
    let normal = try sample.colour("normal.png", of: port)
    let (width, height) = (depth.width, depth.height)
    guard [rgb, opacity, normal].allSatisfy({ ($0.width, $0.height) == (width, height) }) else {
      throw BadSample("the maps of `\(sample.name)` differ in size")
    }
    guard let photoFile = sample.samples["photos"]?.files["photo.png"] ?? sample.samples[port]?.files["photo.png"]
    else {
      throw BadSample("`\(sample.name)` has no photo to align to; connect `photos`")
    }
    var photo = try SampleImage.colour(photoFile, label: "photo of `\(sample.name)`")
    if (photo.width, photo.height) != (width, height) { photo = Resize.linear(photo, width: width, height: height) }
    var rule = MasksBuild.Parameters()
    rule.threshold = parameters.photoThreshold
    let renderMask = Mask(opacity, above: Float(parameters.opacityThreshold))
    guard
      let found = Alignment.align(
        photo: photo, photoMask: MasksBuild.mask(ofPhoto: photo, rule), render: rgb,
        renderMask: renderMask.count > 0 ? renderMask.largestComponent().fillHoles() : renderMask,
        landmarks: try landmarks(sample), tolerance: parameters.tolerance, refine: parameters.refine)
    else {
      throw BadSample("`\(sample.name)`: photo and render have too little in common to align them")
    }
    let transform = found.transform
    let move = transform.largestMove(width: width, height: height)
    guard move <= parameters.maxMove * Double(max(width, height)) else {
      throw BadSample(
        "`\(sample.name)`: alignment would move a corner by \(Numbers.plain(move, 1)) px, more than `max_move` \(parameters.maxMove) "
          + "of the side; is it the photo of this head?")
    }
    if let limit = parameters.minCorrelation, let correlation = found.correlation, correlation < limit {
      throw BadSample(
        "`\(sample.name)`: aligned photo and render correlate to \(Numbers.plain(correlation, 3)), less than `min_correlation` "
          + "\(Numbers.plain(limit, 3))")
    }
    let isMoved = move >= parameters.minMove
    if isMoved {
      func put(_ raster: Raster, _ role: String, _ background: Float, _ encoding: ImageFile.Encoding) throws {
        let moved = transform.sample(raster, width: width, height: height, background: background)
        try sample.write(try ImageFile.encode(moved, as: encoding), as: role, port: port)
      }
      try put(depth, "depth.png", 0, .png16)
      try put(rgb, "rgb.png", 1, .png8)
      try put(opacity, "opacity.png", 0, .png8)
      try sample.write(
        try ImageFile.encode(Self.moved(normal, transform), as: .png8), as: "normal.png", port: port)
    }
    for (role, file) in sample.samples[port]?.files ?? [:] where !isMoved || !Self.maps.contains(role) {
      sample.pass(file, as: role, port: port)
    }
    if sample.samples[port]?.files["photo.png"] == nil { sample.pass(photoFile, as: "photo.png", port: port) }
    sample.record(sample.samples[port]?.record ?? [:], port: port)
    let matrix = [transform.a, transform.b, transform.c, transform.d, transform.e, transform.f]
    var facts: [String: JSON] = [
      "align_moved_px": .double(isMoved ? rounded(move, 3) : 0), "align_scale": .double(rounded(transform.scale, 6)),
      "align_angle": .double(rounded(transform.angle * 180 / .pi, 4)),
      "align_matrix": .array(matrix.map { .double(rounded($0, 7)) }),
      "align_inliers": .double(rounded(found.inlierShare, 4)),
    ]
    if let correlation = found.correlation { facts["align_correlation"] = .double(rounded(correlation, 5)) }
    sample.record(facts, port: port)
  }

  private static let maps = ["depth.png", "rgb.png", "opacity.png", "normal.png"]

  /// Vectors turn with the picture, by the rotation of the map back.
  private static func moved(_ normal: Raster, _ transform: PlanarTransform) -> Raster {
    let vectors = normal.mapped { $0 * 2 - 1 }
    var moved = transform.sample(vectors, width: normal.width, height: normal.height)
    let (c, s) = (Float(cos(-transform.angle)), Float(sin(-transform.angle)))
    for i in stride(from: 0, to: moved.pixels.count, by: 3) {
      let (x, y) = (moved.pixels[i], moved.pixels[i + 1])
      moved.pixels[i] = c * x - s * y
      moved.pixels[i + 1] = s * x + c * y
    }
    return Normals.encode(moved)
  }

  private func landmarks(_ sample: SampleContext) throws -> [(photo: SIMD2<Double>, render: SIMD2<Double>)]? {
    guard let file = sample.external["landmarks"] else { return nil }
    let name = "landmarks of `\(sample.name)`"
    let text = String(decoding: try Data(contentsOf: file.url), as: UTF8.self)
    let table: (header: [String], rows: [[String]])
    do { table = try CSV.decodeRows(text) } catch { throw BadSample("\(name): \(error)") }
    let columns = try ["photo_x", "photo_y", "render_x", "render_y"].map { title in
      guard let index = table.header.firstIndex(of: title) else { throw BadSample("\(name): no column `\(title)`") }
      return index
    }
    let pairs = try table.rows.enumerated().map { index, row in
      let values = columns.compactMap { Double(row[$0]) }.filter(\.isFinite)
      guard values.count == 4 else { throw BadSample("\(name): line \(index + 2) does not hold four numbers") }
      return (photo: SIMD2(values[0], values[1]), render: SIMD2(values[2], values[3]))
    }
    guard pairs.count >= 2 else { throw BadSample("\(name): two pairs at least, not \(pairs.count)") }
    return pairs
  }
}
