/// Blind guided depth super-resolution: an encoder describes the degradation, which steers how image features enter.
///
/// Input: depth [n, 1, h, w] and an RGB guide [n, 3, s h, s w], both 0...1; with `scale` 1 the depth already has the output's
/// size, as the reference expects it, else it is enlarged as Pillow's bicubic does (a = -0.5), as the reference's loader did.
/// Output [n, 1, s h, s w], not clamped; in training besides, where it is
/// wanted, the result degraded again as `redegradation`. Parity: pretrained/dornet_t_*, layers/dornet_dcn_layer. Paper: Wang, Yan, Pan, Gao,
/// Zhang, Yang, "DORNet: A Degradation Oriented and Regularized Network for Blind Depth Super-Resolution", CVPR 2025.
public final class DORNet: Network {
  static let kind = ModelKind(
    "dornet", title: "DORNet",
    summary: "Blind guided depth super-resolution; 24 channels with reduction 4 are DORNet-T.",
    options: [
      .int("channels", 64, 4...4096, "Width n, a multiple of 4: 64, or 24 for DORNet-T."),
      .int("reduction", 16, 1...4096, "Of the channel attention: 16, or 4 for DORNet-T."),
      .int("scale", 4, 1...64, "Enlargement of the input depth; 1 when it has the output's size already."),
      .bool(
        "degrader_gradient", true,
        "Whether the loss `redegradation` reaches the kernels and the restored depth; the reference stops it there."),
    ],
    guide: .photo, outputs: [ModelOutput(.redegradation)], onnx: .graph(opset: 19),
    source: "Wang et al., CVPR 2025; yanzq95/DORNet", licence: "Apache-2.0",
    sizes: [
      ModelSize(parameters: 3_054_992),
      ModelSize("T", ["channels": 24, "reduction": 4], parameters: 457_082),
    ],
    examples: [["channels": 24, "reduction": 4], ["channels": 8, "reduction": 4]],
    check: { options in
      let channels = options.int("channels")
      return channels % 4 == 0 && channels >= options.int("reduction")
        ? nil : "`channels` must be a multiple of 4 and at least `reduction`"
    },
    make: { options, initialiser in
      DORNet(
        channels: options.int("channels"), reduction: options.int("reduction"), scale: options.int("scale"),
        degraderGradient: options.bool("degrader_gradient"), initialiser)
    })

  public let scale: Int
  public let guideKind: GuideKind? = .photo
  let head: Conv2d, imageHead: Conv2d, tail: Conv2d
  let fusions: [DORNetFusion]
  let groups: [ResidualGroup]
  let join: Conv2d, joinGroup: ResidualGroup
  let imageChain: [Conv2d]
  let encoder: DORNetEncoder
  let degrader: DORNetDegrader
  let degraderGradient: Bool

  public init(
    channels n: Int = 64, reduction: Int = 16, scale: Int = 1, degraderGradient: Bool = true,
    _ initialiser: WeightInitialiser
  ) {
    self.degraderGradient = degraderGradient
    func conv(_ inputs: Int, _ outputs: Int, _ kernel: Int = 3) -> Conv2d {
      Conv2d(inputs, outputs, kernelSize: kernel, padding: kernel / 2, initialiser)
    }
    func group() -> ResidualGroup { ResidualGroup(n, reduction: reduction, blocks: 2, initialiser) }
    self.scale = scale
    head = conv(1, n)
    imageHead = conv(3, n)
    fusions = (0..<5).map { _ in DORNetFusion(n, reduction: reduction, initialiser) }
    groups = (0..<4).map { _ in group() }
    join = conv(5 * n, n, 1)
    joinGroup = group()
    imageChain = (0..<4).map { _ in conv(n, n) }
    tail = conv(n, 1)
    encoder = DORNetEncoder(n, initialiser)
    degrader = DORNetDegrader(n, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    var restorer: [(String, any Module)] = [("head", ModuleList([head])), ("head_rgb", ModuleList([imageHead]))]
    for (i, fusion) in fusions.enumerated() { restorer.append(("dgm\(i + 1)", fusion)) }
    for (i, group) in groups.enumerated() { restorer.append(("c_d\(i + 1)", group)) }
    restorer.append(("c_d5", ModuleList([join, joinGroup] as [any Module])))
    for (i, convolution) in imageChain.enumerated() { restorer.append(("c_r\(i + 1)", convolution)) }
    restorer.append(("tail", ModuleList([tail])))
    return [
      ("R", .module(ModuleList(named: restorer))), ("Enc", .module(encoder)), ("Dab", .module(degrader)),
    ]
  }

  /// The degradation's summary [n, 4c, 1, 1] of depth at the output's size.
  public func degradation(of depth: Tensor) -> Tensor { encoder(depth).summary }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    guard let image = input.guide else { preconditionFailure("DORNet needs an RGB guide") }
    let query =
      scale == 1
      ? input.image
      : input.image.resized(height: input.image.h * scale, width: input.image.w * scale, .bicubicSharp)
    precondition(
      image.shape == [query.n, 3, query.h, query.w],
      "a guide of shape \(image.shape) for depth of shape \(query.shape) at the output's size")
    let (summary, maps) = encoder(query)
    // The reference's activations work in place: the first chain images reach the fusions activated, the last does not.
    var images = [imageHead(image)]
    for (i, convolution) in imageChain.enumerated() {
      let next = convolution(images[i])
      images.append(i < 3 ? next.leakyReLU(0.1) : next)
    }
    let start = head(query)
    var x = start
    var results: [Tensor] = []
    for (i, fusion) in fusions.enumerated() {
      x = fusion(x, image: images[i], maps: maps, summary: summary)
      if i < 4 { x = groups[i](i == 0 ? x : x.leakyReLU(0.1)) }
      results.append(x)
    }
    var output = NetworkOutput(image: tail(joinGroup(join(Tensor.concatenated(results))) + start))
    if input.wants(.redegradation), let random = input.random {
      output[.redegradation] = degrader(
        query, restored: output.image, degradation: summary, passesGradient: degraderGradient,
        random: random.generator("gates"))
    }
    return output
  }
}
