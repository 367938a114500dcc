/// The residual network of BasicSR without batch normalisation, with a bilinear skip and no clamp.
///
/// Input [n, c, h, w] in 0...1, output [n, c', s h, s w]. B16, B20 and B24 of the face super-resolution study differ in the
/// number of blocks. Parity: models/msrresnet_*. Source: BasicSR (Wang et al. 2022), after SRResNet.
public final class MSRResNet: Network {
  static let kind = ModelKind(
    "msrresnet", summary: "BasicSR's residual network; 16, 20 or 24 blocks are the published B16, B20, B24.",
    options: [
      ModelOption("channels", 64, "Channels of the body."), ModelOption("blocks", 16, "Residual blocks."),
      ModelOption("scale", 4, "Output side over input side: 2, 3 or 4."),
      ModelOption("input_channels", 1, "1 for depth, 3 for RGB."), ModelOption("output_channels", 1, "1 or 3."),
    ],
    source: "XPixelGroup/BasicSR; Ledig et al., CVPR 2017",
    make: { options, initialiser in
      let scale = try options.int("scale")
      guard (2...4).contains(scale) else { throw ModelError("model `msrresnet`: `scale` must be 2, 3 or 4") }
      return MSRResNet(
        inputChannels: try options.int("input_channels"), outputChannels: try options.int("output_channels"),
        channels: try options.int("channels"), blocks: try options.int("blocks"), scale: scale, initialiser)
    })

  public let scale: Int
  public var imageChannels: Int { first.weight.shape[1] }
  public var reach: Int? { 2 * body.count + 3 }
  let first: Conv2d
  let body: [ResidualBlock]
  let ups: [Conv2d]
  let high: Conv2d
  let last: Conv2d

  public init(
    inputChannels: Int = 1, outputChannels: Int = 1, channels c: Int = 64, blocks: Int = 16, scale: Int = 4,
    _ initialiser: WeightInitialiser
  ) {
    self.scale = scale
    first = Conv2d(inputChannels, c, kernelSize: 3, padding: 1, initialiser)
    body = (0..<blocks).map { _ in ResidualBlock(c, names: ("conv1", "conv2"), initialiser) }
    let factors = scale == 4 ? [2, 2] : [scale]
    ups = factors.map { Conv2d(c, c * $0 * $0, kernelSize: 3, padding: 1, initialiser) }
    high = Conv2d(c, c, kernelSize: 3, padding: 1, initialiser)
    last = Conv2d(c, outputChannels, kernelSize: 3, padding: 1, initialiser)
    // Kaiming normal for ReLU times 0.1, biases 0.
    for (name, parameter) in namedParameters {
      if name.hasSuffix("bias") {
        parameter.assign(.zeros(parameter.shape))
      } else {
        let fanIn = parameter.shape[1] * parameter.shape[2] * parameter.shape[3]
        parameter.assign(initialiser.normal(parameter.shape, deviation: 0.1 * (2 / Double(fanIn)).squareRoot()))
      }
    }
  }

  public var members: [(name: String, member: Member)] {
    [("conv_first", .module(first)), ("body", .module(ModuleList(body)))]
      + ups.enumerated().map { ("upconv\($0.offset + 1)", .module($0.element)) }
      + [("conv_hr", .module(high)), ("conv_last", .module(last))]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let low = input.depth
    var x = body.reduce(first(low).leakyReLU(0.1)) { $1($0) }
    let factor = ups.count == 2 ? 2 : scale
    for up in ups { x = up(x).pixelShuffled(factor).leakyReLU(0.1) }
    let result = last(high(x).leakyReLU(0.1))
    return NetworkOutput(depth: result + low.resized(height: low.h * scale, width: low.w * scale, .bilinear))
  }
}
