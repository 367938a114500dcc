/// The reference study's network: bicubic x4 first, then a four-level U-Net with batch normalisation that predicts a
/// correction of at most 0.5.
///
///     y = clamp(b + 0.5 tanh(head(unet(b))), 0, 1),  b = clamp(bicubic4(x), 0, 1)
///
/// Input [n, 1, h, w] with h and w multiples of 4; output [n, 1, 4h, 4w]. With `predictsNormal` a second head gives unit
/// normals [n, 3, 4h, 4w]. Parity: models/depthupres_unet*. Base design: Ronneberger, Fischer and Brox, MICCAI 2015.
public final class DepthUpResUNet: Network {
  static let kind = ModelKind(
    "depth-upres-unet", title: "UNet",
    summary: "The study's U-Net on a bicubic x4 base, optionally with a normal head.",
    options: [
      .int("base_channels", 32, 1...1024, "Channels of the first level; doubled at each of the four levels below."),
      .bool("predict_normal", false, "Adds a head that predicts unit normals."), .zeroHead,
    ],
    outputs: [ModelOutput(.normals, option: "predict_normal")], onnx: .graph(sides: 4),
    source: "U-Net: Ronneberger, Fischer, Brox, MICCAI 2015",
    licence: "none stated; built from the published description",
    sizes: [
      ModelSize(parameters: 7_765_409), ModelSize("with normals", ["predict_normal": true], parameters: 7_774_820),
      ModelSize("24", ["base_channels": 24], parameters: 4_369_849),
    ],
    examples: [["base_channels": 4], ["base_channels": 4, "predict_normal": true]],
    make: { options, initialiser in
      DepthUpResUNet(
        baseChannels: options.int("base_channels"), predictsNormal: options.bool("predict_normal"),
        zeroHead: options.bool("zero_head"), initialiser)
    })

  public let scale = 4
  public let sizeMultiple = 4
  /// Convolutions: 2 (1 + 2 + 4 + 8) down, 2 * 16 at the bottom, 2 (8 + 4 + 2 + 1) up, in output pixels; up to 15 for the
  /// blocks of the poolings on either side; a fourth of that in input pixels, and 2 for the bicubic skip.
  public var reach: Int? { (30 + 32 + 30 + 2 * 15 + 3) / 4 + 2 }
  public let baseChannels: Int
  let encoders: [DoubleConvolution]
  let bottleneck: DoubleConvolution
  let ups: [ConvTranspose2d]
  let decoders: [DoubleConvolution]
  let head: Conv2d
  let normalHead: NormalHead?

  public init(
    baseChannels c: Int = 32, predictsNormal: Bool = false, zeroHead: Bool = false, _ initialiser: WeightInitialiser
  ) {
    baseChannels = c
    encoders = (0..<4).map { DoubleConvolution($0 == 0 ? 1 : c << ($0 - 1), c << $0, initialiser) }
    bottleneck = DoubleConvolution(c << 3, c << 4, initialiser)
    var ups: [ConvTranspose2d] = []
    var decoders: [DoubleConvolution] = []
    for level in (0..<4).reversed() {
      ups.append(ConvTranspose2d(c << (level + 1), c << level, kernelSize: 2, stride: 2, initialiser))
      decoders.append(DoubleConvolution(c << (level + 1), c << level, initialiser))
    }
    self.ups = ups
    self.decoders = decoders
    head = Conv2d(c, 1, kernelSize: 1, initialiser)
    if zeroHead { head.zero() }
    normalHead = predictsNormal ? NormalHead(c, initialiser) : nil
  }

  public var members: [(name: String, member: Member)] {
    var members: [(name: String, member: Member)] = []
    for (i, encoder) in encoders.enumerated() { members.append(("enc\(i + 1)", .module(encoder))) }
    members.append(("bottleneck", .module(bottleneck)))
    for i in 0..<4 {
      members.append(("up\(4 - i)", .module(ups[i])))
      members.append(("dec\(4 - i)", .module(decoders[i])))
    }
    members.append(("out_conv", .module(head)))
    if let normalHead { members.append(("normal_head", .module(normalHead))) }
    return members
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let low = input.image
    precondition(
      low.rank == 4 && low.c == 1 && low.h % 4 == 0 && low.w % 4 == 0,
      "the input must be [n, 1, h, w] with h and w multiples of 4, not \(low.shape)")
    let base = low.resized(height: low.h * 4, width: low.w * 4, .bicubic).clamped(0, 1)
    var x = base
    var skips: [Tensor] = []
    for encoder in encoders {
      let (skip, pooled) = encoder.withPooled(x)
      skips.append(skip)
      x = pooled
    }
    x = bottleneck(x)
    for i in 0..<3 {
      x = decoders[i](Tensor.concatenated([ups[i](x), skips.removeLast()]))
    }
    let (correction, normal) = heads(Tensor.concatenated([ups[3](x), skips.removeLast()]))
    var output = NetworkOutput(image: (base + correction.tanh().affine(0.5)).clamped(0, 1))
    output[.normals] = normal
    return output
  }

  /// What the heads make of the last decoder's features.
  private func heads(_ joined: consuming Tensor) -> (correction: Tensor, normal: Tensor?) {
    guard let normalHead else { return (decoders[3].projected(joined, by: head), nil) }
    let features = decoders[3](joined)
    return (head(features), normalHead(features))
  }
}

/// Twice: 3x3 convolution, batch normalisation, ReLU. State names 0, 1, 3, 4 (2 and 5 are the activations).
public final class DoubleConvolution: Module {
  let convolutions: [Conv2d]
  let norms: [BatchNorm2d]

  init(_ input: Int, _ output: Int, _ initialiser: WeightInitialiser) {
    convolutions = [
      Conv2d(input, output, kernelSize: 3, padding: 1, initialiser),
      Conv2d(output, output, kernelSize: 3, padding: 1, initialiser),
    ]
    norms = [BatchNorm2d(output), BatchNorm2d(output)]
  }

  public var members: [(name: String, member: Member)] {
    [
      ("0", .module(convolutions[0])), ("1", .module(norms[0])), ("3", .module(convolutions[1])),
      ("4", .module(norms[1])),
    ]
  }

  func callAsFunction(_ x: consuming Tensor) -> Tensor {
    first(x).convolvedNormalisedReLU(convolutions[1], norms[1])
  }

  /// The result and the largest of each 2x2 block.
  func withPooled(_ x: consuming Tensor) -> (whole: Tensor, pooled: Tensor) {
    first(x).convolvedNormalisedReLUAndPooled(convolutions[1], norms[1])
  }

  /// `head` of the result.
  func projected(_ x: consuming Tensor, by head: Conv2d) -> Tensor {
    first(x).convolvedNormalisedReLUAndProjected(convolutions[1], norms[1], by: head)
  }

  private func first(_ x: consuming Tensor) -> Tensor { x.convolvedNormalisedReLU(convolutions[0], norms[0]) }
}

/// 3x3 convolution, batch normalisation, ReLU, 1x1 convolution to three channels, divided by its length.
final class NormalHead: Module {
  let convolution: Conv2d
  let norm: BatchNorm2d
  let projection: Conv2d

  init(_ channels: Int, _ initialiser: WeightInitialiser) {
    convolution = Conv2d(channels, channels, kernelSize: 3, padding: 1, initialiser)
    norm = BatchNorm2d(channels)
    projection = Conv2d(channels, 3, kernelSize: 1, initialiser)
  }

  var members: [(name: String, member: Member)] {
    [("0", .module(convolution)), ("1", .module(norm)), ("3", .module(projection))]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    projection(x.convolvedNormalisedReLU(convolution, norm)).normalisedOverChannels(epsilon: 1e-6)
  }
}
