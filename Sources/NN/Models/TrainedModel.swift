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

  /// Super-resolves one depth map or photo.
  /// - Parameters:
  ///   - image: the planes of the input, each height * width values in 0...1, row-major: one for depth, three for photos.
  ///   - guide: for guided networks, planes of the output's size: three of an RGB image, one of relative depth.
  /// - Returns: as many planes as the input has, of the output's size.
  /// - Throws: `ModelError` when the size or the guide does not fit.
  public func predict(
    _ image: [Float], height: Int, width: Int, guide: [Float]? = nil
  ) throws -> (image: [Float], height: Int, width: Int) {
    let multiple = network.sizeMultiple
    let channels = network.imageChannels
    guard image.count == channels * height * width else {
      throw ModelError(
        "\(image.count) values are no \(channels == 1 ? "depth map" : "image of \(channels) channels") of \(height)x\(width)"
      )
    }
    guard height % multiple == 0, width % multiple == 0 else {
      throw ModelError("the sides of the input must be multiples of \(multiple), not \(height)x\(width)")
    }
    let (oh, ow) = (height * network.scale, width * network.scale)
    let kind = network.guideKind
    if let kind, guide?.count != kind.channels * oh * ow {
      let what = kind == .photo ? "an RGB guide" : "relative depth as a guide"
      throw ModelError("this model needs \(what) of \(oh)x\(ow)")
    }
    let output = NN.withoutGradients {
      network(
        NetworkInput(
          image: Tensor(image, [1, channels, height, width]),
          guide: kind.flatMap { kind in guide.map { Tensor($0, [1, kind.channels, oh, ow]) } })
      ).image
    }
    return (output.values, output.h, output.w)
  }
}
