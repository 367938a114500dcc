import Basics
import Foundation
import Imaging
import Pipeline
import Splats

/// A camera as pipeline files declare it: on a circle around the head, looking at its middle.
struct SplatView: StageParameters {
  var size = 1024
  var height: Int?
  var yaw = 0.0
  var elevation = 0.0
  var distance = 2.7
  var fieldOfView = 50.0

  static let fields: [ParameterField<Self>] = [
    .init(
      "size", \.size, "Width of the maps, and their height unless that is given.", unit: "px", type: .int(16...8192)),
    .init(
      "height", \.height, "Height of the maps where they are not square.", unit: "px", type: .optional(.int(16...8192))),
    .init("yaw", \.yaw, "Turn around the vertical; 0 is the front.", unit: "degrees", type: .double(-360...360)),
    .init("elevation", \.elevation, "Angle above the horizontal.", unit: "degrees", type: .double(-89...89)),
    .init("distance", \.distance, "From the world's origin.", unit: "world units", type: .double(0.1...1000)),
    .init("field_of_view", \.fieldOfView, "Horizontal.", unit: "degrees", type: .double(1...170)),
  ]

  func camera(yaw extra: Double = 0) -> SplatCamera {
    var camera = SplatCamera(
      width: size, height: size, yaw: yaw + extra, elevation: elevation, distance: distance, fieldOfView: fieldOfView)
    camera.height = height ?? size
    camera.cy = Double(camera.height) / 2
    return camera
  }
}

/// Renders splats into the maps that the study took from a notebook: no CUDA, the same conventions.
struct SplatsRender: SampleStage {
  static let type: StageType = "splats.render"
  static let version = 2
  static let summary =
    "Renders Gaussian splats into depth, colour, normal and opacity maps, from any camera at any size."
  static let over = SampleDriver.input("splats")
  static let inputs = [InputPort("splats", .splats, doc: "`gaussians.ply` of each sample.")]
  static let outputs = [
    OutputPort(
      "renders", .renders, .samples, doc: "`depth.png`, `rgb.png`, `normal.png`, `opacity.png`; record: near, far, yaw."
    )
  ]

  struct Parameters: StageParameters {
    var view = SplatView()
    var lowPass = 0.3

    static let fields: [ParameterField<Self>] =
      [
        .init("view", \.view, "The camera."),
        .init(
          "low_pass", \.lowPass, "Added to the variance of every projected Gaussian, as 3DGS does.", unit: "px^2",
          type: .double(0...100)),
      ]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let cloud = try SplatSample.read(sample)
    let camera = parameters.view.camera()
    var rasteriser = SplatRasteriser()
    rasteriser.lowPass = parameters.lowPass
    let maps = rasteriser.render(cloud, camera: camera)
    guard maps.opacity.pixels.contains(where: { $0 > 0.3 }) else {
      throw BadSample("gaussians.ply of `\(sample.name)`: nothing is seen from this camera")
    }
    // Cut, not rounded, as the study's exporter quantises.
    func put(_ raster: Raster, _ role: String, _ levels: Float, _ encoding: ImageFile.Encoding) throws {
      try sample.write(
        try ImageFile.encode(SplatMaps.truncated(raster, levels: levels), as: encoding), as: role, port: "renders")
    }
    try put(maps.depth, "depth.png", 65535, .png16)
    try put(maps.rgb, "rgb.png", 255, .png8)
    try put(maps.normal, "normal.png", 255, .png8)
    try put(maps.opacity, "opacity.png", 255, .png8)
    if let photo = sample.samples["splats"]?.files["photo.png"] { sample.pass(photo, as: "photo.png", port: "renders") }
    sample.record(
      [
        "width": .int(camera.width), "height": .int(camera.height), "depth_bits": .int(16),
        "near": .double(Double(maps.near)), "far": .double(Double(maps.far)), "gaussians": .int(cloud.count),
        "yaw": .double(parameters.view.yaw),
      ], port: "renders")
  }
}

/// Reads the splats of a sample. What is wrong with the file is the sample's fault.
enum SplatSample {
  static func read(_ sample: SampleContext, port: String = "splats") throws -> GaussianCloud {
    let file = try sample.file("gaussians.ply", of: port)
    do {
      var reader = try SplatReader(file.url, name: "gaussians.ply of `\(sample.name)`")
      var cloud = GaussianCloud(degree: reader.degree)
      while let piece = try reader.next() { cloud.append(contentsOf: piece) }
      return cloud
    } catch let error as SplatFileError {
      throw BadSample("\(error)")
    }
  }
}
