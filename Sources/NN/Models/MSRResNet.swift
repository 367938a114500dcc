/// The residual network of BasicSR without batch normalisation, with a bilinear skip and no clamp.
///
/// Input [n, c, h, w] in 0...1, output [n, c', s h, s w]. B16, B20 and B24 of the face super-resolution study differ in the
/// number of blocks. Parity: models/msrresnet_*. Source: BasicSR (Wang et al. 2022), after SRResNet.
public final class MSRResNet: Network {
  static let kind = ModelKind(
    "msrresnet", title: "MSRResNet",
    summary: "BasicSR's residual network; 16, 20 or 24 blocks are the published B16, B20, B24.",
    options: [
      .int("channels", 64, 1...4096, "Channels of the body."), .int("blocks", 16, 1...1000, "Residual blocks."),
      .int("scale", 4, among: [2, 3, 4], "Output side over input side."),
      .int("input_channels", 1, 1...3, "1 for depth, 3 for RGB."), .int("output_channels", 1, 1...3, "1 or 3."),
    ],
    photos: ["input_channels": 3, "output_channels": 3], onnx: .graph(),
    source: "XPixelGroup/BasicSR; Ledig et al., CVPR 2017", licence: "Apache-2.0",
    sizes: [
      ModelSize("B16", parameters: 1_515_265), ModelSize("B20", ["blocks": 20], parameters: 1_810_689),
      ModelSize("B24", ["blocks": 24], parameters: 2_106_113),
      ModelSize("B16 for RGB", ["input_channels": 3, "output_channels": 3], parameters: 1_517_571),
      ModelSize("B20 for RGB", ["input_channels": 3, "output_channels": 3, "blocks": 20], parameters: 1_812_995),
      ModelSize("B24 for RGB", ["input_channels": 3, "output_channels": 3, "blocks": 24], parameters: 2_108_419),
    ],
    examples: [
      ["channels": 8, "blocks": 1], ["channels": 4, "blocks": 1, "scale": 3],
      ["channels": 4, "blocks": 2, "input_channels": 3, "output_channels": 3],
    ],
    make: { options, initialiser in
      MSRResNet(
        inputChannels: options.int("input_channels"), outputChannels: options.int("output_channels"),
        channels: options.int("channels"), blocks: options.int("blocks"), scale: options.int("scale"), initialiser)
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
    let low = input.image
    var x = body.reduce(first(low).leakyReLU(0.1)) { $1($0) }
    let factor = ups.count == 2 ? 2 : scale
    for up in ups { x = up(x).pixelShuffled(factor).leakyReLU(0.1) }
    let result = last(high(x).leakyReLU(0.1))
    return NetworkOutput(image: result + low.resized(height: low.h * scale, width: low.w * scale, .bilinear))
  }
}
