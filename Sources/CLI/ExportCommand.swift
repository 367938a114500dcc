import ArgumentParser
import Basics
import Foundation
import NN
import Pipeline

/// `pipeline export MODEL -o FILE.onnx`: a trained network for other programs.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a trained model as an ONNX file.",
    discussion: """
      MODEL is a folder with model.json and weights.safetensors: the published output of a `train` or `weights.import` stage. \
      The file uses operator set \(OnnxGraph.opset)\(exceptions); input `depth` [batch, c, height, width] in 0...1 and for guided models \
      `guide` at the output's size, output `depth_sr`.
      """)

  /// Networks that need another operator set, such as ` (dornet: 19)`.
  private static var exceptions: String {
    let others = ModelCatalogue.kinds.compactMap { kind -> String? in
      switch kind.onnx {
      case .graph(OnnxGraph.opset, _): nil
      case .graph(let opset, _): "\(kind.type): \(opset)"
      case .unavailable: "\(kind.type): none"
      }
    }
    return others.isEmpty ? "" : " (\(others.joined(separator: ", ")))"
  }

  @Argument(help: "Folder of the model.", completion: .directory) var model: String
  @Option(
    name: [.customShort("o"), .customLong("output")], help: "The ONNX file to write.",
    completion: .file(extensions: ["onnx"]))
  var file: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    let trained = try ModelFolder(model).model
    let name = trained.description["type"]?.stringValue ?? "model"
    do {
      let (bytes, opset) = try OnnxExport.file(trained.network, type: name)
      try bytes.write(to: URL(fileURLWithPath: file), options: .atomic)
      if output.json {
        let written: JSON = [
          "schema_version": 1, "file": .string(file), "type": .string(name), "operator_set": .int(opset),
          "bytes": .int(bytes.count),
        ]
        Console.standardOutput(written.canonical + "\n")
      } else {
        Console.standardOutput("\(file): \(name), operator set \(opset), \(bytes.count) bytes\n")
      }
    } catch let error as CocoaError {
      throw StageFailure("\(file) cannot be written: \(error.localizedDescription)")
    }
  }
}
