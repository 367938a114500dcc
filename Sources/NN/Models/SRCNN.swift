/// Three convolutions, 9-5-5, on an already enlarged image; no residual. Also the unit of `DSDMSR`.
///
/// Input and output have one size; with `scale` above 1 the network enlarges its input itself (bicubic). Parity:
/// models/srcnn. Paper: Dong, Loy, He, Tang, "Learning a Deep Convolutional Network for Image Super-Resolution", ECCV 2014
/// (the original is 9-1-5; 9-5-5 is a variant of the journal version, IEEE TPAMI 2016).
public final class SRCNN: Network, DSDMSRUnit {
  static let kind = ModelKind(
    "srcnn", title: "SRCNN", summary: "Three convolutions on the enlarged map.",
    options: [.imageChannels, .enlargement], photos: ["image_channels": 3], onnx: .graph(),
    source: "Dong, Loy, He, Tang, ECCV 2014", licence: "none needed; built from the paper",
    sizes: [ModelSize(parameters: 57_281), ModelSize("RGB", ["image_channels": 3], parameters: 69_251)],
    examples: [[:]],
    make: { options, initialiser in
      SRCNN(imageChannels: options.int("image_channels"), scale: options.int("scale"), initialiser)
    })

  public let scale: Int
  public var imageChannels: Int { first.weight.shape[1] }
  public var reach: Int? { (8 + scale - 1) / scale + (scale > 1 ? 2 : 0) }
  let first: Conv2d
  let second: Conv2d
  let third: Conv2d

  public init(imageChannels: Int = 1, scale: Int = 1, _ initialiser: WeightInitialiser) {
    self.scale = scale
    first = Conv2d(imageChannels, 64, kernelSize: 9, padding: 4, initialiser)
    second = Conv2d(64, 32, kernelSize: 5, padding: 2, initialiser)
    third = Conv2d(32, imageChannels, kernelSize: 5, padding: 2, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    [("conv1", .module(first)), ("conv2", .module(second)), ("conv3", .module(third))]
  }

  func refine(_ x: Tensor) -> Tensor { third(second(first(x).relu()).relu()) }

  func refine(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    g(third, g.relu(g(second, g.relu(g(first, x)))))
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    NetworkOutput(image: refine(input.image.enlarged(scale)))
  }
}

extension Tensor {
  /// Bicubic enlargement by a whole factor, not clamped; the tensor itself for 1.
  func enlarged(_ factor: Int) -> Tensor {
    factor == 1 ? self : resized(height: h * factor, width: w * factor, .bicubic)
  }
}
