/// Structure-guided depth super-resolution with a gradient branch and fusion in the frequency domain.
///
/// Input: depth [n, 1, h, w] and an RGB guide [n, 3, s h, s w], both 0...1. Output: depth [n, 1, s h, s w], not clamped, and the
/// predicted gradient map as `gradientMap`. Parity: models/sgnet, layers/sgnet_*. Paper: Wang, Yan, Yang, "SGNet:
/// Structure Guided Network via Gradient-Frequency Awareness for Depth Map Super-Resolution", AAAI 2024.
public final class SGNet: Network {
  static let kind = ModelKind(
    "sgnet", title: "SGNet", summary: "Guided depth super-resolution by gradient and frequency fusion.",
    options: [
      .int(
        "channels", 24, 16...4096,
        "Width n; the study uses 24, the paper 40. The attention divides it by 16."),
      .int("scale", 4, among: [2, 4, 8, 16], "Output side over input side."),
    ],
    guide: .photo, outputs: [ModelOutput(.gradientMap)], onnx: .graph(),
    source: "Wang, Yan, Yang, AAAI 2024; yanzq95/SGNet", licence: "Apache-2.0",
    sizes: [
      ModelSize("24", parameters: 9_215_821), ModelSize("16", ["channels": 16], parameters: 4_157_561),
      ModelSize("20", ["channels": 20], parameters: 6_434_218),
    ],
    examples: [["channels": 16]],
    make: { options, initialiser in
      SGNet(channels: options.int("channels"), scale: options.int("scale"), initialiser)
    })

  public let scale: Int
  public let guideKind: GuideKind? = .photo
  let imageFirst: Conv2d
  let imageBlocks: [ResidualBlock]
  let depthFirst: Conv2d, depthSecond: Conv2d
  let depthGroups: [ResidualGroup]
  let bridges: [SGNetBridge]
  let joinSecond: Conv2d, joinAll: Conv2d
  let withGradient: [Conv2d]
  let upsampler: DenseProjection
  let tail: [ResidualGroup]
  let last: [Conv2d]
  let gradient: SGNetGradientBranch

  public init(channels n: Int = 24, scale: Int = 4, _ initialiser: WeightInitialiser) {
    func conv(_ inputs: Int, _ outputs: Int, _ kernel: Int) -> Conv2d {
      Conv2d(inputs, outputs, kernelSize: kernel, padding: kernel / 2, initialiser)
    }
    self.scale = scale
    imageFirst = conv(3, n, 3)
    imageBlocks = (0..<3).map { _ in ResidualBlock(n, names: ("body.0", "body.2"), slope: 0.2, initialiser) }
    depthFirst = conv(1, n, 3)
    depthSecond = conv(n, 2 * n, 3)
    depthGroups = [n, 2 * n, 2 * n, 3 * n].map { ResidualGroup($0, reduction: 16, blocks: 6, initialiser) }
    bridges = [n, 2 * n, 3 * n].map { width in
      SGNetBridge(width, imageChannels: n, scale: scale, initialiser)
    }
    joinSecond = conv(4 * n, 2 * n, 1)
    joinAll = conv(8 * n, 3 * n, 1)
    withGradient = [conv(2 * n, n, 1), conv(3 * n, 2 * n, 1), conv(3 * n, 3 * n, 1)]
    upsampler = DenseProjection(3 * n, scale: scale, enlarges: true, initialiser)
    tail = (0..<3).map { _ in ResidualGroup(3 * n, reduction: 16, blocks: 8, initialiser) }
    last = [conv(3 * n, n, 3), conv(n, 1, 3)]
    gradient = SGNetGradientBranch(n, scale: scale, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    var members: [(name: String, member: Member)] = [("conv_rgb1", .module(imageFirst))]
    for (i, block) in imageBlocks.enumerated() { members.append(("rgb_rb\(i + 2)", .module(block))) }
    members += [("conv_dp1", .module(depthFirst)), ("conv_dp2", .module(depthSecond))]
    for (i, group) in depthGroups.enumerated() { members.append(("dp_rg\(i + 1)", .module(group))) }
    for (i, bridge) in bridges.enumerated() { members.append(("bridge\(i + 1)", .module(bridge))) }
    return members + [
      ("c_de", .module(joinSecond)), ("tail", .module(ModuleList(tail))), ("upsampler", .module(upsampler)),
      ("last_conv", .module(ModuleList(named: [("0", last[0]), ("2", last[1])]))), ("c_rd", .module(joinAll)),
      ("c_grad", .module(withGradient[0])), ("c_grad2", .module(withGradient[1])),
      ("c_grad3", .module(withGradient[2])),
      ("gradNet", .module(gradient)),
    ]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let depth = input.image
    guard let image = input.guide else { preconditionFailure("SGNet needs an RGB guide") }
    precondition(
      image.shape == [depth.n, 3, depth.h * scale, depth.w * scale],
      "a guide of shape \(image.shape) for depth of shape \(depth.shape) at scale \(scale)")
    let (map, edges) = gradient(depth: depth, image: image)
    let start = depthFirst(depth).leakyReLU(0.2)
    let d1 = depthGroups[0](start)
    let rgb = imageBlocks[0](imageFirst(image).leakyReLU(0.2))
    let b1 = bridges[0](depth: withGradient[0](Tensor.concatenated([d1, edges])), image: rgb)
    let d2 = depthGroups[1](Tensor.concatenated([d1, b1.depth + start]))
    let b2 = bridges[1](depth: withGradient[1](Tensor.concatenated([d2, edges])), image: imageBlocks[1](b1.image))
    let d3 = depthGroups[2](joinSecond(Tensor.concatenated([d2, b2.depth + depthSecond(start)])))
    let b3 = bridges[2](depth: withGradient[2](Tensor.concatenated([d3, edges])), image: imageBlocks[2](b2.image))
    let d4 = depthGroups[3](joinAll(Tensor.concatenated([d1, d2, d3, b3.depth])))
    let large = tail.reduce(upsampler(d4)) { $1($0) }
    let result = last[1](last[0](large).leakyReLU(0.2)) + depth.enlarged(scale)
    var output = NetworkOutput(image: result)
    output[.gradientMap] = map
    return output
  }
}

extension AuxiliaryOutput where Value == Tensor {
  /// The predicted `gradientMagnitude` of the output, [n, 1, H, W].
  public static var gradientMap: Self { Self("gradient_map") }
}
