import Basics
import Foundation
import Imaging
import NN
import Testing

/// `pipeline models`, `export` and `upscale` on models of every sort.
@Suite struct ModelCommandsTests {
  /// A folder as `train` publishes it.
  private func model(_ process: PipelineProcess, _ description: JSON, guide: String? = nil) throws -> String {
    let folder = process.folder.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var fields: [String: JSON] = ["format": "pipeline-model-1", "model": description]
    if let guide { fields["guide"] = .string(guide) }
    try process.write(JSON.object(fields).canonical, to: "model/model.json")
    try Safetensors.data(try ModelCatalogue.make(description, seed: 2).stateDictionary())
      .write(to: folder.appendingPathComponent("weights.safetensors"))
    return "model"
  }

  private func picture(_ process: PipelineProcess, _ name: String, channels: Int, width: Int, height: Int) throws {
    var raster = Raster(width: width, height: height, channels: channels)
    for i in raster.pixels.indices { raster.pixels[i] = Float(i % 37) / 37 }
    try ImageFile.write(raster, to: process.folder.appendingPathComponent(name), as: channels == 1 ? .png16 : .png8)
  }

  @Test func everyModelIsListedWithItsCost() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let listed = try process.run("models", "--size", "64")
    #expect(listed.code == 0, "\(listed.errors)")
    for word in ["PARAMETERS", "FIELD", "GMACS", "MEMORY"] { #expect(listed.output.contains(word)) }
    for kind in ModelCatalogue.kinds { #expect(listed.output.contains("\n\(kind.type) ")) }
    #expect(listed.output.contains("7765409"))
  }

  @Test func costsGrowWithTheArea() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    func cost(_ size: String) throws -> JSON {
      try JSON(parsing: try process.run("models", "edsr-light", "--size", size, "--json").output)
    }
    let (small, large) = (try cost("64"), try cost("128"))
    #expect(small["parameters"] == 1_515_265 && small["receptive_field"] == 73 && small["scale"] == 4)
    let work = try #require(small["multiply_adds"]?.doubleValue)
    #expect(large["multiply_adds"]?.doubleValue == 4 * work)
    // 4096 pixels times the weights of each resolution.
    let pixels: Double = 64 * 64
    let (wide, narrow): (Double, Double) = (9 * 64 * 64, 9 * 64)
    var expected: Double = pixels * (narrow + 33 * wide + 4 * wide)
    expected += 4 * pixels * 4 * wide
    expected += 16 * pixels * narrow
    #expect(abs(work / expected - 1) < 1e-6, "\(work), \(expected)")
    let memory = try #require(small["memory_bytes"]?.doubleValue)
    let more = try #require(large["memory_bytes"]?.doubleValue)
    #expect(more > 2 * memory)
    let guided = try JSON(parsing: try process.run("models", "sgnet", "--size", "16", "--json").output)
    #expect(guided["needs_guide"] == true && guided["receptive_field"] == .null)
  }

  @Test func anUnknownModelIsSuggested() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let result = try process.run("models", "srresnett")
    #expect(result.code != 0 && result.errors.contains("did you mean `srresnet`?"), "\(result.errors)")
  }

  @Test func exports() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let folder = try model(process, ["type": "dornet", "channels": 8, "reduction": 4], guide: "photo")
    let result = try process.run("export", folder, "-o", "net.onnx")
    #expect(result.code == 0, "\(result.errors)")
    let data = try #require(process.contents("net.onnx"))
    #expect(result.output.contains("net.onnx: dornet, operator set 19, \(data.count) bytes"))
    #expect(data.range(of: Data("DeformConv".utf8)) != nil)
    let other = try model(process, ["type": "sgnet", "channels": 16])
    let second = try process.run("export", other, "-o", "sgnet.onnx")
    #expect(second.code == 0 && second.output.contains("sgnet, operator set 17"), "\(second.errors)")
    let fourier = try #require(process.contents("sgnet.onnx"))
    #expect(fourier.range(of: Data("MatMul".utf8)) != nil)
  }

  @Test func guidedModelsUpscaleWithTheirGuide() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let folder = try model(
      process,
      [
        "type": "relative-depth-fusion", "channels": 4, "encoder_blocks": [1], "decoder_blocks": [1],
        "middle_blocks": 1,
      ], guide: "relative")
    try picture(process, "a.png", channels: 1, width: 10, height: 7)
    let refused = try process.run("upscale", folder, "a.png", "-o", "out")
    #expect(refused.code != 0 && refused.errors.contains("guided by `relative`"), "\(refused.errors)")
    try FileManager.default.createDirectory(
      at: process.folder.appendingPathComponent("guides"), withIntermediateDirectories: true)
    try picture(process, "guides/a.png", channels: 1, width: 20, height: 14)
    for guide in ["guides", "guides/a.png"] {
      let result = try process.run("upscale", folder, "a.png", "-o", "out", "--guide", guide)
      #expect(result.code == 0, "\(result.errors)")
      let image = try ImageFile.read(process.folder.appendingPathComponent("out/a.png"))
      #expect(image.raster.width == 40 && image.raster.height == 28 && image.bitDepth == 16)
    }
    try picture(process, "guides/a.png", channels: 1, width: 20, height: 20)
    let square = try process.run("upscale", folder, "a.png", "-o", "out", "--guide", "guides")
    #expect(square.code != 0 && square.errors.contains("not the shape"), "\(square.errors)")
  }

  @Test func photosAreUpscaledToo() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let folder = try model(
      process, ["type": "msrresnet", "channels": 4, "blocks": 1, "input_channels": 3, "output_channels": 3])
    try picture(process, "photo.png", channels: 3, width: 100, height: 24)
    // In tiles and whole: the same.
    for (tile, output) in [("256", "whole"), ("48", "tiles")] {
      let result = try process.run("upscale", folder, "photo.png", "-o", output, "--tile", tile)
      #expect(result.code == 0, "\(result.errors)")
    }
    let whole = try ImageFile.read(process.folder.appendingPathComponent("whole/photo.png")).raster
    let tiles = try ImageFile.read(process.folder.appendingPathComponent("tiles/photo.png")).raster
    #expect(whole.width == 400 && whole.height == 96 && whole.channels == 3)
    #expect(zip(whole.pixels, tiles.pixels).allSatisfy { abs($0 - $1) < 2.0 / 65535 })
    try picture(process, "grey.png", channels: 1, width: 8, height: 8)
    let grey = try process.run("upscale", folder, "grey.png", "-o", "out")
    #expect(grey.code != 0 && grey.errors.contains("takes photos of 3 channels"), "\(grey.errors)")
  }

  /// No result lands on what the command reads, under whatever name or link.
  @Test func upscaleOverwritesNothingItReads() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let folder = try model(process, ["type": "edsr-light", "channels": 4, "blocks": 1])
    try picture(process, "a.png", channels: 1, width: 8, height: 8)
    let place = process.folder
    let before = try Data(contentsOf: place.appendingPathComponent("a.png"))
    try FileManager.default.createSymbolicLink(
      at: place.appendingPathComponent("alias"), withDestinationURL: place)
    try FileManager.default.createDirectory(
      at: place.appendingPathComponent("links"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: place.appendingPathComponent("links/a.png"), withDestinationURL: place.appendingPathComponent("a.png"))
    for output in [".", "alias", "./alias/.", "links"] {
      let result = try process.run("upscale", folder, "a.png", "-o", output)
      #expect(result.code != 0 && result.errors.contains("would overwrite a.png"), "\(output): \(result.errors)")
      #expect(try Data(contentsOf: place.appendingPathComponent("a.png")) == before)
    }
    // A second run over its own earlier results is no such case.
    for _ in 0..<2 { #expect(try process.run("upscale", folder, "a.png", "-o", "out").code == 0) }
  }

  @Test func floatMapsOutsideTheRangeAreRefusedByName() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let folder = try model(process, ["type": "edsr-light", "channels": 4, "blocks": 1])
    for (name, value) in [("nan.tif", Float.nan), ("metres.tif", 3.5)] {
      var raster = Raster(width: 8, height: 8, channels: 1, repeating: 0.5)
      raster[2, 1] = value
      try ImageFile.write(raster, to: process.folder.appendingPathComponent(name), as: .tiffFloat)
      let result = try process.run("upscale", folder, name, "-o", "out")
      #expect(
        result.code != 0 && result.errors.contains(name) && result.errors.contains("x 2, y 1"), "\(result.errors)")
    }
  }

  @Test func upscalesInBfloat16() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let folder = try model(process, ["type": "edsr-light", "channels": 16, "blocks": 1])
    try picture(process, "a.png", channels: 1, width: 12, height: 9)
    var results: [[Float]] = []
    for precision in ["float32", "bf16"] {
      let result = try process.run(
        "upscale", folder, "a.png", "-o", precision, "--format", "float", "--precision", precision)
      #expect(result.code == 0, "\(result.errors)")
      results.append(try ImageFile.read(process.folder.appendingPathComponent("\(precision)/a.tif")).raster.pixels)
    }
    let largest = zip(results[0], results[1]).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    #expect(largest > 0 && largest < 0.02)
    let wrong = try process.run("upscale", folder, "a.png", "-o", "out", "--precision", "half")
    #expect(wrong.code != 0 && wrong.errors.contains("bf16"), "\(wrong.errors)")
  }
}
