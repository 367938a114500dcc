/// The reference study's SRResNet baseline: batch-normalised residual blocks with parametric ReLUs, and a bicubic skip.
///
/// Input [n, 1, h, w], output [n, 1, 4h, 4w] in 0...1. Parity: models/srresnet. Parent: Ledig et al., "Photo-Realistic
/// Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017.
public final class SRResNet: Network {
  static let kind = ModelKind(
    "srresnet", title: "SRResNet", summary: "The study's SRResNet baseline with a bicubic skip.",
    options: [
      .int("channels", 64, 1...4096, "Channels of the body."),
      .int("blocks", 16, 1...1000, "Residual blocks."), .zeroHead,
    ],
    onnx: .graph(), source: "Ledig et al., CVPR 2017", licence: "none stated; built from the published description",
    sizes: [ModelSize(parameters: 1_528_724)], examples: [["channels": 8, "blocks": 1]],
    make: { options, initialiser in
      SRResNet(
        channels: options.int("channels"), blocks: options.int("blocks"), zeroHead: options.bool("zero_head"),
        initialiser)
    })

  /// conv, batch norm, PReLU, conv, batch norm, plus the input.
  final class Block: Module {
    let convolutions: [Conv2d]
    let norms: [BatchNorm2d]
    let activation = PReLU()

    init(_ c: Int, _ initialiser: WeightInitialiser) {
      convolutions = (0..<2).map { _ in Conv2d(c, c, kernelSize: 3, padding: 1, initialiser) }
      norms = (0..<2).map { _ in BatchNorm2d(c) }
    }

    var members: [(name: String, member: Member)] {
      [
        (
          "body",
          .module(ModuleList([convolutions[0], norms[0], activation, convolutions[1], norms[1]] as [any Module]))
        )
      ]
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      norms[1](convolutions[1](activation(norms[0](convolutions[0](x))))) + x
    }
  }

  public let scale = 4
  public var reach: Int? { 2 * body.count + 8 }
  let head: Conv2d
  let headActivation = PReLU()
  let body: [Block]
  let bodyTail: Conv2d
  let bodyNorm: BatchNorm2d
  let up: [Conv2d]
  let upActivations = [PReLU(), PReLU()]
  let tail: Conv2d

  public init(channels c: Int = 64, blocks: Int = 16, zeroHead: Bool = false, _ initialiser: WeightInitialiser) {
    head = Conv2d(1, c, kernelSize: 9, padding: 4, initialiser)
    body = (0..<blocks).map { _ in Block(c, initialiser) }
    bodyTail = Conv2d(c, c, kernelSize: 3, padding: 1, initialiser)
    bodyNorm = BatchNorm2d(c)
    up = (0..<2).map { _ in Conv2d(c, 4 * c, kernelSize: 3, padding: 1, initialiser) }
    tail = Conv2d(c, 1, kernelSize: 9, padding: 4, initialiser)
    if zeroHead { tail.zero() }
  }

  public var members: [(name: String, member: Member)] {
    [
      ("head", .module(ModuleList([head, headActivation] as [any Module]))), ("body", .module(ModuleList(body))),
      ("body_tail", .module(ModuleList([bodyTail, bodyNorm] as [any Module]))),
      (
        "up",
        .module(
          ModuleList(named: [("0", up[0]), ("2", upActivations[0]), ("3", up[1]), ("5", upActivations[1])]))
      ), ("tail", .module(tail)),
    ]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let low = input.image
    let base = low.resized(height: low.h * 4, width: low.w * 4, .bicubic).clamped(0, 1)
    let first = headActivation(head(low))
    var x = bodyNorm(bodyTail(body.reduce(first) { $1($0) })) + first
    for (convolution, activation) in zip(up, upActivations) { x = activation(convolution(x).pixelShuffled(2)) }
    return NetworkOutput(image: (base + tail(x).affine(0.5)).clamped(0, 1))
  }
}
