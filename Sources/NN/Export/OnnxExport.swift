import Foundation

/// A network that can be written as an ONNX graph.
protocol OnnxExportable: Network {
  /// Adds the network's nodes; `depth` first, then further outputs by name with their channels.
  func export(into graph: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)]
}

/// A guided network that can be written as an ONNX graph.
protocol OnnxGuidedExportable: Network {
  /// As `OnnxExportable`, with the guide at the output's size.
  func export(
    into graph: OnnxGraph, _ x: OnnxGraph.Value, guide: OnnxGraph.Value
  ) -> [(name: String, value: OnnxGraph.Value, channels: Int)]
}

/// Writes networks as ONNX files: input `depth` [batch, c, height, width] and for guided networks `guide` at the output's
/// size, output `depth_sr` and, where the network has them, `normal` and other maps. Evaluation mode; batch and image sizes are
/// free within the network's own rules.
public enum OnnxExport {
  /// The bytes of the file and its operator set.
  /// - Parameter type: of the network, as its row names it.
  /// - Throws: `ModelError` with the reason of the row for networks that have no ONNX form.
  public static func file(_ network: any Network, type: String) throws -> (data: Data, opset: Int) {
    let opset: Int
    switch ModelCatalogue.kind(type)?.onnx {
    case .graph(let number, _): opset = number
    case .unavailable(let reason): throw ModelError("the model `\(type)` cannot be written as ONNX: \(reason)")
    case nil:
      throw ModelError(
        "the model `\(type)` cannot be written as ONNX: it has no row in the catalogue of networks")
    }
    let graph = OnnxGraph(network)
    graph.opset = opset
    let outputs: [(name: String, value: OnnxGraph.Value, channels: Int)]
    if let guided = network as? any OnnxGuidedExportable, let kind = guided.guideKind {
      let x = graph.input("depth", channels: guided.imageChannels)
      let guide = graph.input("guide", channels: kind.channels, sizes: ("guide_height", "guide_width"))
      outputs = guided.export(into: graph, x, guide: guide)
    } else if let exportable = network as? any OnnxExportable {
      outputs = exportable.export(into: graph, graph.input("depth", channels: exportable.imageChannels))
    } else {
      throw ModelError("the model `\(type)` has no graph, but its row says that it has one")
    }
    for output in outputs { graph.output(output.value, as: output.name, channels: output.channels) }
    return (graph.data(name: type), opset)
  }
}
