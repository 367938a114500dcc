import Basics
import Foundation

/// A network with its weights, ready to use.
public struct TrainedModel {
  public let network: any Network
  public let description: JSON

  /// A network as it stands, for inference.
  public init(network: any Network, description: JSON) {
    self.network = network
    self.description = description
    network.setTraining(false)
  }

  public var parameterCount: Int { network.parameterCount }

  /// - Parameters:
  ///   - description: such as `{"type": "depth-upres-unet", "base_channels": 32}`, or a `model.json` that holds it under
  ///     `model`.
  ///   - weights: a safetensors file with the state dictionary.
  /// - Throws: `ModelError` when they do not fit, `WeightsError` when the file cannot be read.
  public static func load(description: JSON, weights: URL) throws -> TrainedModel {
    let description = description["model"] ?? description
    let network = try ModelCatalogue.make(description)
    do {
      try network.load(try Safetensors.read(weights).tensors)
    } catch let error as ModelError {
      throw ModelError("\(weights.path): \(error)")
    }
    return TrainedModel(network: network, description: description)
  }

  /// Super-resolves one depth map.
  /// - Parameters:
  ///   - depth: height * width values in 0...1, row-major.
  ///   - guide: for guided networks, three planes of the output's size.
  /// - Throws: `ModelError` when the size or the guide does not fit.
  public func predict(
    _ depth: [Float], height: Int, width: Int, guide: [Float]? = nil
  ) throws -> (depth: [Float], height: Int, width: Int) {
    let multiple = network.sizeMultiple
    guard depth.count == height * width else {
      throw ModelError("\(depth.count) values are no depth map of \(height)x\(width)")
    }
    guard height % multiple == 0, width % multiple == 0 else {
      throw ModelError("the sides of the input must be multiples of \(multiple), not \(height)x\(width)")
    }
    let (oh, ow) = (height * network.scale, width * network.scale)
    if network.needsGuide, guide?.count != 3 * oh * ow {
      throw ModelError("this model needs an RGB guide of \(oh)x\(ow)")
    }
    let output = NN.withoutGradients {
      network(
        NetworkInput(
          depth: Tensor(depth, [1, 1, height, width]), guide: guide.map { Tensor($0, [1, 3, oh, ow]) }
        )
      ).depth
    }
    return (output.values, output.h, output.w)
  }
}
