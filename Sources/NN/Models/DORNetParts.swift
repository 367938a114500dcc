// The parts of DORNet (Wang, Yan, Pan, Gao, Zhang, Yang, CVPR 2025). State names are those of yanzq95/DORNet.

/// conv, batch norm, LeakyReLU 0.1, conv, batch norm; plus a 1x1 convolution with batch norm of the input; LeakyReLU 0.1.
final class DORNetResidualBlock: Module {
  let convolutions: [Conv2d]
  let norms: [BatchNorm2d]
  let shortcut: Conv2d
  let shortcutNorm: BatchNorm2d

  init(_ inputs: Int, _ outputs: Int, _ initialiser: WeightInitialiser) {
    convolutions = [inputs, outputs].map {
      Conv2d($0, outputs, kernelSize: 3, padding: 1, bias: false, initialiser)
    }
    norms = [BatchNorm2d(outputs), BatchNorm2d(outputs)]
    shortcut = Conv2d(inputs, outputs, kernelSize: 1, bias: false, initialiser)
    shortcutNorm = BatchNorm2d(outputs)
  }

  var members: [(name: String, member: Member)] {
    [
      (
        "backbone",
        .module(
          ModuleList(named: [("0", convolutions[0]), ("1", norms[0]), ("3", convolutions[1]), ("4", norms[1])]))
      ), ("shortcut", .module(ModuleList([shortcut, shortcutNorm] as [any Module]))),
    ]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let main = norms[1](convolutions[1](norms[0](convolutions[0](x)).leakyReLU(0.1)))
    return (main + shortcutNorm(shortcut(x))).leakyReLU(0.1)
  }
}

/// Describes the degradation: feature maps `inter` [n, c, h, w] and their summary `fea` [n, 4c, 1, 1].
final class DORNetEncoder: Module {
  let blocks: [DORNetResidualBlock]
  let convolutions: [Conv2d]
  let norms: [BatchNorm2d]

  init(_ n: Int, _ initialiser: WeightInitialiser) {
    blocks = [(1, n / 2), (n / 2, n), (n, n)].map { DORNetResidualBlock($0.0, $0.1, initialiser) }
    convolutions = [(n, 2 * n), (2 * n, 4 * n)].map {
      Conv2d($0.0, $0.1, kernelSize: 3, stride: 2, padding: 1, initialiser)
    }
    norms = [BatchNorm2d(2 * n), BatchNorm2d(4 * n)]
  }

  var members: [(name: String, member: Member)] {
    [
      ("E_pre", .module(ModuleList(blocks))),
      (
        "E",
        .module(
          ModuleList(named: [("0", convolutions[0]), ("1", norms[0]), ("3", convolutions[1]), ("4", norms[1])]))
      ),
    ]
  }

  func callAsFunction(_ x: Tensor) -> (summary: Tensor, maps: Tensor) {
    let maps = blocks.reduce(x) { $1($0) }
    let half = norms[0](convolutions[0](maps)).leakyReLU(0.1)
    return (norms[1](convolutions[1](half)).globalAverage(), maps)
  }
}

/// A deformable 3x3 convolution whose offsets come from the degradation maps and whose kernel is scaled, for each sample and
/// input channel, by the degradation summary; then a 1x1 convolution.
///
/// Scaling the kernel along its input channels is scaling the input's channels, which keeps the samples of a batch apart.
/// Parity: layers/dornet_dcn_layer.
package final class DORNetDeformableLayer: Module {
  let weight: Parameter
  let offsets: Conv2d
  let factors: Conv2d
  let last: Conv2d

  package init(_ n: Int, _ initialiser: WeightInitialiser) {
    weight = Parameter(initialiser.uniform([n, n, 3, 3], bound: 1 / Double(9 * n).squareRoot()))
    offsets = Conv2d(n, 27, kernelSize: 3, padding: 1, initialiser)
    offsets.zero()
    factors = Conv2d(4 * n, n, kernelSize: 1, bias: false, initialiser)
    last = Conv2d(n, n, kernelSize: 1, bias: false, initialiser)
  }

  package var members: [(name: String, member: Member)] {
    [
      ("weight", .parameter(weight)), ("conv_offset_mask", .module(offsets)), ("c1", .module(factors)),
      ("c2", .module(last)),
    ]
  }

  package func callAsFunction(_ x: Tensor, maps: Tensor, summary: Tensor) -> Tensor {
    let places = offsets(maps)
    let deformed = x.scaledChannels(factors(summary)).deformablyConvolved(
      offsets: places.channels(0..<18), factors: places.channels(18..<27).sigmoid(), weight.tensor,
      ConvolutionGeometry(kernel: 3, padding: 1))
    return last(deformed)
  }
}

/// Image features bent by the degradation and fused into depth features.
final class DORNetFusion: Module {
  let block: ChannelAttentionBlock
  let deformable: DORNetDeformableLayer
  let imageLast: Conv2d
  let gate: Conv2d, reduce: Conv2d, expand: Conv2d, join: Conv2d

  init(_ n: Int, reduction: Int, _ initialiser: WeightInitialiser) {
    block = ChannelAttentionBlock(n, reduction: reduction, slope: 0, initialiser)
    deformable = DORNetDeformableLayer(n, initialiser)
    imageLast = Conv2d(n, n, kernelSize: 3, padding: 1, initialiser)
    gate = Conv2d(n, n / 4, kernelSize: 1, initialiser)
    reduce = Conv2d(n, n / 4, kernelSize: 1, initialiser)
    expand = Conv2d(n / 4, n, kernelSize: 1, initialiser)
    join = Conv2d(2 * n, n, kernelSize: 3, padding: 1, initialiser)
  }

  var members: [(name: String, member: Member)] {
    [
      (
        "DA_rgb",
        .module(ModuleList(named: [("dcnrgb", deformable), ("rcab1", block), ("conv", imageLast)]))
      ),
      (
        "fb",
        .module(ModuleList(named: [("conv1", gate), ("conv2", reduce), ("conv3", expand), ("conv", join)]))
      ),
    ]
  }

  func callAsFunction(_ depth: Tensor, image: Tensor, maps: Tensor, summary: Tensor) -> Tensor {
    let attended = block(image)
    let rgb = imageLast(deformable(attended, maps: maps, summary: summary) + attended)
    let gated = expand(reduce(rgb) * gate(maps).sigmoid()) + rgb
    return depth + join(Tensor.concatenated([gated, depth]))
  }
}
