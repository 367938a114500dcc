import Basics
import Foundation
import NN
import Testing

/// ONNX files, run by onnxruntime where ONNX_PYTHON names a Python that has it.
@Suite struct OnnxTests {
  static let python = ProcessInfo.processInfo.environment["ONNX_PYTHON"]

  /// Small forms of every kind that has a graph, from the rows, with the multiple that their sides must be of.
  static let models: [(description: JSON, sides: Int)] = ModelCatalogue.kinds.flatMap { kind -> [(JSON, Int)] in
    guard case .graph(_, let sides) = kind.onnx else { return [] }
    return kind.examples.map { (kind.description($0), sides) }
  }

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

  @Test("has a graph where its row says so", arguments: ModelCatalogue.kinds.map(\.type))
  func rowsAreTrue(_ type: String) throws {
    let kind = try #require(ModelCatalogue.kind(type))
    for options in kind.examples {
      let network = try ModelCatalogue.outline(kind.description(options))
      switch kind.onnx {
      case .graph(let opset, _): #expect(try OnnxExport.file(network, type: type).opset == opset)
      case .unavailable(let reason):
        let error = #expect(throws: ModelError.self) { try OnnxExport.file(network, type: type) }
        #expect(!reason.isEmpty && error?.description.hasSuffix(reason) == true)
      }
    }
  }

  /// A network that nobody described as a graph.
  private final class Unwritten: Network {
    let scale = 1
    var members: [(name: String, member: Member)] { [] }
    func callAsFunction(_ input: NetworkInput) -> NetworkOutput { NetworkOutput(image: input.image) }
  }

  @Test func networksWithoutAFormSaySo() {
    let error = #expect(throws: ModelError.self) { try OnnxExport.file(Unwritten(), type: "unwritten") }
    #expect(error?.description.contains("`unwritten` cannot be written as ONNX: it has no row") == true)
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
      let step = model.sides == 1 ? 2 : model.sides
      let h = model.sides == 1 ? 7 : (8 + step - 1) / step * step + (model.sides == 8 ? 8 : 0)
      let w = h + step
      let x = noise([2, network.imageChannels, h, w], &random)
      let guide = network.guideKind.map { noise([2, $0.channels, h * network.scale, w * network.scale], &random) }
      expected.append(network(NetworkInput(image: x, guide: guide)).image.values)
      try OnnxExport.file(network, type: model.description["type"]?.stringValue ?? "").data.write(
        to: folder.appending(path: "\(index).onnx"))
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
