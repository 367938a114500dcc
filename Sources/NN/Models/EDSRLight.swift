/// The reference study's EDSR baseline: a residual body at low resolution that predicts a correction of the bicubic map.
///
///     y = clamp(b + 0.5 tail(up(body(head(x)))), 0, 1),  b = clamp(bicubic4(x), 0, 1)
///
/// Input [n, 1, h, w], output [n, 1, 4h, 4w]. Parity: models/edsr_light. Parent: Lim et al., "Enhanced Deep Residual
/// Networks for Single Image Super-Resolution", CVPR Workshops 2017.
public final class EDSRLight: Network {
  static let kind = ModelKind(
    "edsr-light", title: "EDSR-light", summary: "The study's EDSR baseline with a bicubic skip.",
    options: [
      .int("channels", 64, 1...4096, "Channels of the body."), .int("blocks", 16, 1...1000, "Residual blocks."),
      .double("residual_scale", 0.1, -1000...1000, "Factor of each block's result."), .zeroHead,
    ],
    onnx: .graph(), source: "Lim, Son, Kim, Nah, Lee, CVPR Workshops 2017",
    licence: "none stated; built from the published description", sizes: [ModelSize(parameters: 1_515_265)],
    examples: [["channels": 8, "blocks": 1]],
    make: { options, initialiser in
      EDSRLight(
        channels: options.int("channels"), blocks: options.int("blocks"),
        residualScale: Float(options.double("residual_scale")), zeroHead: options.bool("zero_head"), initialiser)
    })

  public let scale = 4
  public var reach: Int? { 2 * body.count + 4 }
  let head: Conv2d
  let body: [ResidualBlock]
  let bodyTail: Conv2d
  let up: ShuffleUpsampler
  let tail: Conv2d

  public init(
    channels c: Int = 64, blocks: Int = 16, residualScale: Float = 0.1, zeroHead: Bool = false,
    _ initialiser: WeightInitialiser
  ) {
    head = Conv2d(1, c, kernelSize: 3, padding: 1, initialiser)
    body = (0..<blocks).map { _ in
      ResidualBlock(c, names: ("body.0", "body.2"), factor: residualScale, initialiser)
    }
    bodyTail = Conv2d(c, c, kernelSize: 3, padding: 1, initialiser)
    up = ShuffleUpsampler(c, scale: 4, initialiser)
    tail = Conv2d(c, 1, kernelSize: 3, padding: 1, initialiser)
    if zeroHead { tail.zero() }
  }

  public var members: [(name: String, member: Member)] {
    [
      ("head", .module(head)), ("body", .module(ModuleList(body))), ("body_tail", .module(bodyTail)),
      ("up", .module(up)), ("tail", .module(tail)),
    ]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let low = input.image
    let base = low.resized(height: low.h * 4, width: low.w * 4, .bicubic).clamped(0, 1)
    let first = head(low)
    let features = bodyTail(body.reduce(first) { $1($0) }) + first
    return NetworkOutput(image: (base + tail(up(features)).affine(0.5)).clamped(0, 1))
  }
}
