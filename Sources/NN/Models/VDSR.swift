/// A chain of 3x3 convolutions without biases on an already enlarged map, which predicts what to add to it.
///
/// Twenty layers in the published form; ten as the unit of `DSDMSR`, with other state names. Parity: models/vdsr_*.
/// Paper: Kim, Lee, Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016.
public final class VDSR: Network, DSDMSRUnit {
  static let kind = ModelKind(
    "vdsr", title: "VDSR", summary: "Twenty convolutions on the enlarged map, with a skip.",
    options: [
      .int("channels", 64, 1...4096, "Channels of the trunk."), .int("layers", 20, 3...1000, "Convolutions in all."),
      .enlargement,
    ],
    onnx: .graph(), source: "Kim, Lee, Lee, CVPR 2016; twtygqyy/pytorch-vdsr", licence: "MIT",
    sizes: [ModelSize(parameters: 664_704), ModelSize("10 layers", ["layers": 10], parameters: 296_064)],
    examples: [["channels": 8, "layers": 4]],
    make: { options, initialiser in
      VDSR(
        channels: options.int("channels"), layers: options.int("layers"), scale: options.int("scale"), initialiser)
    })

  public let scale: Int
  public var reach: Int? { (trunk.count + 2 + scale - 1) / scale + (scale > 1 ? 2 : 0) }
  let input: Conv2d
  let trunk: [Conv2d]
  let output: Conv2d
  let isUnit: Bool

  /// - Parameter isUnit: state names of the unit inside DSDMSR.
  public init(
    channels c: Int = 64, layers: Int = 20, scale: Int = 1, isUnit: Bool = false, _ initialiser: WeightInitialiser
  ) {
    func layer(_ inputs: Int, _ outputs: Int) -> Conv2d {
      let convolution = Conv2d(inputs, outputs, kernelSize: 3, padding: 1, bias: false, initialiser)
      let deviation = (2 / Double(9 * outputs)).squareRoot()
      convolution.weight.assign(initialiser.normal(convolution.weight.shape, deviation: deviation))
      return convolution
    }
    self.scale = scale
    self.isUnit = isUnit
    input = layer(1, c)
    trunk = (0..<layers - 2).map { _ in layer(c, c) }
    output = layer(c, 1)
  }

  public var members: [(name: String, member: Member)] {
    let chain = ModuleList(trunk.map { ModuleList(named: [("conv", $0)]) })
    return isUnit
      ? [("conv1", .module(ModuleList([input]))), ("trunk", .module(chain)), ("conv2", .module(output))]
      : [("input", .module(input)), ("residual_layer", .module(chain)), ("output", .module(output))]
  }

  func refine(_ x: Tensor) -> Tensor { output(trunk.reduce(input(x).relu()) { $1($0).relu() }) + x }

  func refine(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    g.add(g(output, trunk.reduce(g.relu(g(input, x))) { g.relu(g($1, $0)) }), x)
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    NetworkOutput(image: refine(input.image.enlarged(scale)))
  }
}
