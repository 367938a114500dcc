import ArgumentParser
import Foundation
import Imaging
import NN
import Pipeline
import Stages

/// `pipeline upscale MODEL INPUT... -o DIR`: uses a trained network on new depth maps or photos.
struct UpscaleCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case png, tiff, float }
  enum Background: String, ExpressibleByArgument, CaseIterable { case zero, keep }
  enum Mesh: String, ExpressibleByArgument, CaseIterable { case ply, obj }
  enum Precision: String, ExpressibleByArgument, CaseIterable { case float32, bf16 }

  static let configuration = CommandConfiguration(
    commandName: "upscale", abstract: "Super-resolve depth maps or photos with a trained model.",
    discussion: """
      MODEL is a folder with model.json and weights.safetensors: the published output of a `train` or `weights.import` stage, \
      such as outputs/demo/train@render_q8/model. Inputs are 8- or 16-bit grey PNG or TIFF files of any size, 0 = background, \
      white = nearest; the bit depth is read from each file. Results are 16-bit, named after their input. Models for photos take \
      RGB files. Guided models need --guide: what they see beside the depth, a photo or relative depth of the same picture.
      """)

  @Argument(help: "Folder of the model.", completion: .directory) var model: String
  @Argument(
    help: "Depth maps, or photos for a model of photos.",
    completion: .file(extensions: ["png", "tif", "tiff", "jpg", "jpeg"])) var inputs: [String]
  @Option(name: [.short, .long], help: "Folder for the results; made when it is not there.", completion: .directory)
  var output: String
  @Option(help: "png (16-bit), tiff (16-bit) or float (32-bit TIFF).") var format: Format = .png
  @Option(help: "For guided models: a picture, or a folder of pictures named as the inputs.", completion: .file())
  var guide: String?
  @Option(help: "Also write a mesh: ply or obj.") var mesh: Mesh?
  @Option(
    help: """
      zero: 0 where the input has nothing, which meshes and shaded pictures then leave out; keep: whatever the network writes \
      there.
      """) var background: Background = .zero
  @Flag(help: "Also write a shaded picture, <name>.relief.png.") var relief = false
  @Option(help: "Largest side worked on at once, in input pixels.") var tile = TrainedModel.defaultTile
  @Option(help: "Threads; all processors when not given.") var threads: Int?
  @Option(help: "float32, or bf16: images between layers in bfloat16, which takes half the memory.")
  var precision: Precision = .float32

  func validate() throws {
    guard tile >= 16 else { throw ValidationError("--tile must be at least 16, not \(tile)") }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, not \(threads)") }
    let names = inputs.map(Self.stem)
    for (index, name) in names.enumerated() where names[..<index].contains(name) {
      throw ValidationError("two inputs are named `\(name)`, so their results would overwrite each other")
    }
  }

  func run() throws {
    NN.configure(
      ComputeOptions(
        threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
        precision: precision == .bf16 ? .bf16 : .float32))
    let source = try ModelFolder(model)
    let trained = source.model
    let choice = try GuideChoice(trained.network, name: source.guide)
    if let choice, guide == nil {
      throw StageFailure(
        "this model is guided by `\(choice.name)`", help: "give a picture or a folder of pictures with --guide")
    }
    let channels = trained.network.imageChannels
    if channels == 3, relief || mesh != nil { throw StageFailure("--relief and --mesh are for depth, not for photos") }
    try refuseToOverwrite()
    let folder = URL(fileURLWithPath: output, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for input in inputs {
      let image = try Self.read(input)
      guard image.raster.channels == channels else {
        throw StageFailure(
          channels == 1
            ? "\(input): a depth map is grey, this image has \(image.raster.channels) channels"
            : "\(input): this model takes photos of \(channels) channels, this image has \(image.raster.channels)")
      }
      if image.bitDepth == 32, let problem = image.raster.problem(outside: 0...1) {
        throw StageFailure(
          "\(input): \(problem)",
          help: "networks take 0...1, 1 at the nearest point and 0 where nothing is known; scale the map first")
      }
      let (width, height) = (image.raster.width, image.raster.height)
      let scale = trained.network.scale
      let seen = try choice.map { try guidePlanes($0, input, width: width * scale, height: height * scale) }
      let planes: [Float]
      do {
        planes = try trained.upscale(image.raster.planes, height: height, width: width, guide: seen, tile: tile)
      } catch let error as ModelError { throw StageFailure("\(input): \(error.message)") }
      var result = Raster(planes: planes, width: width * scale, height: height * scale)
      var foreground: Mask?
      if background == .zero, channels == 1 {
        let covered = DepthBackground.foreground(of: image.raster, width: result.width, height: result.height)
        result = result.masked(covered)
        foreground = covered
      }
      let file = folder.appendingPathComponent(Self.stem(input))
      let written = try write(result, foreground, file)
      Console.standardOutput(
        "\(written.lastPathComponent): \(width)x\(height) \(image.bitDepth)-bit -> \(result.width)x\(result.height)\n")
    }
  }

  /// The guide of one input at the output's size.
  private func guidePlanes(_ choice: GuideChoice, _ input: String, width: Int, height: Int) throws -> [Float] {
    var path = guide ?? ""
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      let names = ["png", "jpg", "jpeg", "tif", "tiff"].map { "\(path)/\(Self.stem(input)).\($0)" }
      guard let found = names.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
        throw StageFailure("\(path): no picture is named \(Self.stem(input))")
      }
      path = found
    }
    return try choice.fitted(choice.channels(of: try Self.read(path)), label: path, width: width, height: height).planes
  }

  /// Results must not land on what this command reads: on an input, a guide or the model, under whatever name or link.
  private func refuseToOverwrite() throws {
    func identity(_ path: String) -> String? {
      var status = stat()
      return stat(path, &status) == 0 ? "\(status.st_dev) \(status.st_ino)" : nil
    }
    var read: [String: String] = [:]
    func note(_ path: String) { if let identity = identity(path) { read[identity] = path } }
    inputs.forEach(note)
    for folder in [model, guide].compactMap({ $0 }) {
      note(folder)
      for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] { note("\(folder)/\(file)") }
    }
    for input in inputs {
      for ending in endings {
        let target = "\(output)/\(Self.stem(input)).\(ending)"
        if let identity = identity(target), let source = read[identity] {
          throw StageFailure(
            "the result \(target) would overwrite \(source), which is read", help: "give another folder with -o")
        }
      }
    }
  }

  /// Of all files written for an input.
  private var endings: [String] {
    [format == .png ? "png" : "tif"] + (relief ? ["relief.png"] : []) + (mesh.map { [$0.rawValue] } ?? [])
  }

  private func write(_ result: Raster, _ foreground: Mask?, _ file: URL) throws -> URL {
    let target: URL
    switch format {
    case .png:
      target = file.appendingPathExtension("png")
      try ImageFile.write(result, to: target, as: .png16)
    case .tiff:
      target = file.appendingPathExtension("tif")
      try ImageFile.write(result, to: target, as: .tiff16)
    case .float:
      target = file.appendingPathExtension("tif")
      try ImageFile.write(result, to: target, as: .tiffFloat)
    }
    if relief {
      let picture = file.appendingPathExtension("relief.png")
      try ImageFile.write(Relief.shade(result, mask: foreground), to: picture, as: .png8)
    }
    if let mesh {
      let shape = DepthMesh(result)
      try (mesh == .ply ? shape.ply : shape.obj).write(to: file.appendingPathExtension(mesh.rawValue))
    }
    return target
  }

  private static func read(_ path: String) throws -> DecodedImage {
    do { return try ImageFile.read(URL(fileURLWithPath: path)) } catch let error as ImageError {
      throw StageFailure("\(error)")
    }
  }

  private static func stem(_ path: String) -> String {
    URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
  }
}
