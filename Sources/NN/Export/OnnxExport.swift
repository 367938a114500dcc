import Foundation

/// A network that can be written as an ONNX graph.
protocol OnnxExportable: Network {
  /// Channels of the input image.
  var onnxInputChannels: Int { get }
  /// Adds the network's nodes; `depth` first, then further outputs by name with their channels.
  func export(into graph: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)]
}

/// Writes networks as ONNX files: operator set 17, input `depth` [batch, c, height, width], output `depth_sr` and, where the
/// network has them, `normal` and other maps. Evaluation mode; batch and image sizes are free within the network's own rules.
public enum OnnxExport {
  /// The bytes of the file.
  /// - Throws: `ModelError` for networks that have no ONNX form here (attention, Fourier transforms, deformable kernels).
  public static func data(_ network: any Network, name: String) throws -> Data {
    guard let exportable = network as? any OnnxExportable else {
      let can = ModelCatalogue.kinds.map(\.type).filter { type in
        (try? ModelCatalogue.make(["type": .string(type)])) is any OnnxExportable  // the defaults always build
      }
      throw ModelError("the model `\(name)` cannot be written as ONNX; these can: \(can.joined(separator: ", "))")
    }
    let graph = OnnxGraph(network)
    let x = graph.input("depth", channels: exportable.onnxInputChannels)
    for output in exportable.export(into: graph, x) {
      graph.output(output.value, as: output.name, channels: output.channels)
    }
    return graph.data(name: name)
  }
}
