import Basics

/// EDSR as BasicSR has it: mean subtraction, residual body, pixel-shuffle upsampling.
///
/// Input [n, c, h, w] in 0...1, output [n, c, s h, s w], not clamped. Three channels subtract the DIV2K mean; one channel
/// (our addition for depth) subtracts nothing. Parity: models/edsr_*. Paper: Lim et al., CVPR Workshops 2017.
public final class EDSR: Network {
  static let kind = ModelKind(
    "edsr", title: "EDSR",
    summary: "EDSR; the published M has 64 channels and 16 blocks, L 256 channels, 32 blocks, residual scale 0.1.",
    options: [
      .int("channels", 64, 1...4096, "Channels of the body."), .int("blocks", 16, 1...1000, "Residual blocks."),
      .int("scale", 4, among: [1, 2, 3, 4, 8, 16, 32], "Output side over input side."),
      .double("residual_scale", 1, -1000...1000, "Factor of each block's result."),
      .double("image_range", 255, 0.001...100_000, "The input is multiplied by this inside the network."),
      .int("image_channels", 3, among: [1, 3], "3 for RGB, 1 for depth (no mean is subtracted then)."),
    ],
    photos: ["image_channels": 3], onnx: .graph(),
    source: "Lim, Son, Kim, Nah, Lee, CVPR Workshops 2017; XPixelGroup/BasicSR", licence: "Apache-2.0",
    sizes: [
      ModelSize("M", parameters: 1_517_571),
      ModelSize("L", ["channels": 256, "blocks": 32, "residual_scale": 0.1], parameters: 43_089_923),
    ],
    examples: [["channels": 8, "blocks": 1, "image_channels": 1], ["channels": 4, "blocks": 2]],
    make: { options, initialiser in
      EDSR(
        imageChannels: options.int("image_channels"), channels: options.int("channels"), blocks: options.int("blocks"),
        scale: options.int("scale"), residualScale: Float(options.double("residual_scale")),
        range: Float(options.double("image_range")), initialiser)
    })

  public let scale: Int
  public var imageChannels: Int { mean.count }
  public var reach: Int? { 2 * body.count + 5 }
  let range: Float
  let mean: [Float]
  let first: Conv2d
  let body: [ResidualBlock]
  let afterBody: Conv2d
  let upsample: ShuffleUpsampler
  let last: Conv2d

  public init(
    imageChannels: Int = 3, channels c: Int = 64, blocks: Int = 16, scale: Int = 4, residualScale: Float = 1,
    range: Float = 255, _ initialiser: WeightInitialiser
  ) {
    self.scale = scale
    self.range = range
    mean = imageChannels == 3 ? [0.4488, 0.4371, 0.4040] : [Float](repeating: 0, count: imageChannels)
    first = Conv2d(imageChannels, c, kernelSize: 3, padding: 1, initialiser)
    body = (0..<blocks).map { _ in
      ResidualBlock(c, names: ("conv1", "conv2"), factor: residualScale, initialiser)
    }
    afterBody = Conv2d(c, c, kernelSize: 3, padding: 1, initialiser)
    upsample = ShuffleUpsampler(c, scale: scale, initialiser)
    last = Conv2d(c, imageChannels, kernelSize: 3, padding: 1, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    [
      ("conv_first", .module(first)), ("body", .module(ModuleList(body))), ("conv_after_body", .module(afterBody)),
      ("upsample", .module(upsample)), ("conv_last", .module(last)),
    ]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let x = input.image.shiftedChannels(mean.map { -$0 }).affine(range)
    let start = first(x)
    let features = afterBody(body.reduce(start) { $1($0) }) + start
    return NetworkOutput(image: last(upsample(features)).affine(1 / range).shiftedChannels(mean))
  }
}

extension Tensor {
  /// Adds a constant to each channel of images.
  func shiftedChannels(_ offsets: [Float]) -> Tensor {
    if offsets.allSatisfy({ $0 == 0 }) { return self }
    precondition(rank == 4 && c == offsets.count, "\(offsets.count) offsets for the shape \(shape)")
    let x = contiguous()
    let y = Tensor.empty(shape)
    let (from, to, area, channels) = (x.reader, y.writer, h * w, c)
    parallel(n * c) { plane in
      for i in plane * area..<(plane + 1) * area { to[i] = from[i] + offsets[plane % channels] }
    }
    return y.recorded([x]) { gradient, _ in [gradient] }
  }
}
