import Basics
import Foundation
import NN
import Testing

/// ONNX files, run by onnxruntime where ONNX_PYTHON names a Python that has it.
@Suite struct OnnxTests {
  static let python = ProcessInfo.processInfo.environment["ONNX_PYTHON"]

  /// Small forms of every kind that has an ONNX form, with an input of this size.
  static let models: [(description: JSON, side: Int)] = [
    (["type": "depth-upres-unet", "base_channels": 4, "predict_normal": true], 8),
    (["type": "edsr-light", "channels": 4, "blocks": 2], 7), (["type": "srresnet", "channels": 4, "blocks": 2], 7),
    (["type": "msrresnet", "channels": 4, "blocks": 2, "input_channels": 3, "output_channels": 3], 7),
    (["type": "msrresnet", "channels": 4, "blocks": 1, "scale": 3], 7),
    (["type": "edsr", "channels": 4, "blocks": 2], 7), (["type": "srcnn"], 7),
    (["type": "vdsr", "channels": 4, "layers": 4], 7), (["type": "dsdmsr", "unit": "vdsr", "channels": 4], 6),
    (["type": "nafnet", "channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1], "middle_blocks": 1], 6),
    (
      [
        "type": "relative-depth-fusion", "channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1],
        "middle_blocks": 1,
      ], 6
    ),
    (["type": "dornet", "channels": 8, "reduction": 4], 6), (["type": "sgnet", "channels": 16], 6),
    (["type": "swinir", "channels": 8, "depths": [2, 2], "heads": [2, 2]], 16),
    (
      ["type": "swinir", "channels": 8, "depths": [2], "heads": [4], "upsampler": "pixelshuffle", "image_channels": 3],
      24
    ),
  ]

  private func noise(_ shape: [Int], _ random: inout SeededRandom) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform()) }, shape)
  }

  /// A network whose every parameter counts: fresh ones have zeros and ones where mistakes would hide.
  private func network(_ description: JSON) throws -> any Network {
    let network = try ModelCatalogue.make(description, seed: 3)
    var random = SeededRandom(seed: 8)
    for (_, parameter) in network.namedParameters {
      let values = parameter.value.values.map { $0 + Float(random.uniform(-0.05, 0.05)) }
      parameter.assign(Tensor(values, parameter.shape))
    }
    network.setTraining(false)
    return network
  }

  @Test func everyKindIsTested() {
    for kind in ModelCatalogue.kinds {
      #expect(Self.models.contains { $0.description["type"]?.stringValue == kind.type }, "\(kind.type) is not tested")
    }
  }

  /// A network that nobody described as a graph.
  private final class Unwritten: Network {
    let scale = 1
    var members: [(name: String, member: Member)] { [] }
    func callAsFunction(_ input: NetworkInput) -> NetworkOutput { NetworkOutput(depth: input.depth) }
  }

  @Test func networksWithoutAFormSaySo() {
    let error = #expect(throws: ModelError.self) { try OnnxExport.data(Unwritten(), name: "unwritten") }
    #expect(error?.description.contains("`unwritten` cannot be written as ONNX; these can: depth-upres-unet") == true)
  }

  @Test(.enabled(if: python != nil, "ONNX_PYTHON names no Python with onnxruntime"))
  func onnxruntimeSaysTheSame() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "onnx-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover harms no test
    func write(_ tensor: Tensor, _ name: String) throws {
      try tensor.values.withUnsafeBytes { Data($0) }.write(to: folder.appending(path: name))
    }
    var expected: [[Float]] = []
    var lines: [String] = []
    for (index, model) in Self.models.enumerated() {
      let network = try network(model.description)
      var random = SeededRandom(seed: UInt64(index))
      // Two images that are not square: mistakes in the order of axes show.
      let (h, w) = (model.side, model.side + (model.side % 8 == 0 ? 8 : 2))
      let x = noise([2, network.imageChannels, h, w], &random)
      let guide = network.guideKind.map { noise([2, $0.channels, h * network.scale, w * network.scale], &random) }
      expected.append(network(NetworkInput(depth: x, guide: guide)).depth.values)
      try OnnxExport.data(network, name: "test").write(to: folder.appending(path: "\(index).onnx"))
      try write(x, "\(index).depth")
      if let guide { try write(guide, "\(index).guide") }
      lines.append(
        "\(index) \(x.shape.map(String.init).joined(separator: ","))"
          + (guide.map { " " + $0.shape.map(String.init).joined(separator: ",") } ?? ""))
    }
    let script = """
      import sys, numpy as np, onnxruntime as ort
      folder = sys.argv[1]
      for line in sys.argv[2:]:
          name, *shapes = line.split()
          inputs = {}
          for kind, shape in zip(["depth", "guide"], shapes):
              data = np.fromfile(f"{folder}/{name}.{kind}", dtype="<f4")
              inputs[kind] = data.reshape([int(n) for n in shape.split(",")])
          session = ort.InferenceSession(f"{folder}/{name}.onnx", providers=["CPUExecutionProvider"])
          session.run(["depth_sr"], inputs)[0].astype("<f4").tofile(f"{folder}/{name}.out")
      """
    let process = Process()
    process.executableURL = URL(filePath: Self.python ?? "")
    process.arguments = ["-c", script, folder.path] + lines
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let errors = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(String(decoding: errors, as: UTF8.self).suffix(2000))")
    for (index, values) in expected.enumerated() {
      let data = try Data(contentsOf: folder.appending(path: "\(index).out"))
      let found = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      #expect(found.count == values.count)
      let worst = zip(found, values).map { abs($0 - $1) }.max() ?? 1
      let size = values.map { abs($0) }.max() ?? 0
      #expect(
        worst <= 2e-5 * max(size, 1), "\(Self.models[index].description.canonical): differs by \(worst) of \(size)")
    }
  }
}
