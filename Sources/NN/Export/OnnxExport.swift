import Foundation

/// A network that can be written as an ONNX graph.
protocol OnnxExportable: Network {
  /// Channels of the input image.
  var onnxInputChannels: Int { get }
  /// Adds the network's nodes; `depth` first, then further outputs by name with their channels.
  func export(into graph: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)]
}

/// A guided network that can be written as an ONNX graph.
protocol OnnxGuidedExportable: Network {
  /// The operator set that its operators need.
  var onnxOpset: Int { get }
  /// As `OnnxExportable`, with the guide at the output's size.
  func export(
    into graph: OnnxGraph, _ x: OnnxGraph.Value, guide: OnnxGraph.Value
  ) -> [(name: String, value: OnnxGraph.Value, channels: Int)]
}

extension OnnxGuidedExportable {
  var onnxOpset: Int { OnnxGraph.opset }
}

/// Writes networks as ONNX files: operator set 17, input `depth` [batch, c, height, width] and for guided networks `guide` at
/// the output's size, output `depth_sr` and, where the network has them, `normal` and other maps. Evaluation mode; batch and
/// image sizes are free within the network's own rules.
public enum OnnxExport {
  /// The operator set of a network's file.
  public static func opset(_ network: any Network) -> Int {
    (network as? any OnnxGuidedExportable)?.onnxOpset ?? OnnxGraph.opset
  }

  /// The bytes of the file.
  /// - Throws: `ModelError` for networks that have no ONNX form here; every kind of the catalogue has one.
  public static func data(_ network: any Network, name: String) throws -> Data {
    if let guided = network as? any OnnxGuidedExportable, let kind = guided.guideKind {
      let graph = OnnxGraph(network)
      graph.opset = guided.onnxOpset
      let x = graph.input("depth", channels: guided.imageChannels)
      let guide = graph.input("guide", channels: kind.channels, sizes: ("guide_height", "guide_width"))
      for output in guided.export(into: graph, x, guide: guide) {
        graph.output(output.value, as: output.name, channels: output.channels)
      }
      return graph.data(name: name)
    }
    guard let exportable = network as? any OnnxExportable else {
      let can = ModelCatalogue.kinds.map(\.type).filter { type in
        let network = try? ModelCatalogue.make(["type": .string(type)])  // the defaults always build
        return network is any OnnxExportable || network is any OnnxGuidedExportable
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
