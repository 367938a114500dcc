/// One block: x + beta * conv3(attention(gate(depthwise(conv1(norm(x)))))), then the same shape without the depthwise
/// part. beta and gamma start at 0, so that a new block is the identity. Parity: layers/nafnet_block.
public final class NAFBlock: Module {
  let norm1: LayerNorm, norm2: LayerNorm
  let conv1: BiasedConv2d, conv2: BiasedConv2d, conv3: BiasedConv2d, conv4: BiasedConv2d, conv5: BiasedConv2d
  let attention: BiasedConv2d
  let beta: Parameter, gamma: Parameter

  public init(_ c: Int, _ initialiser: WeightInitialiser) {
    conv1 = BiasedConv2d(c, 2 * c, kernelSize: 1, initialiser)
    conv2 = BiasedConv2d(2 * c, 2 * c, kernelSize: 3, padding: 1, groups: 2 * c, initialiser)
    conv3 = BiasedConv2d(c, c, kernelSize: 1, initialiser)
    attention = BiasedConv2d(c, c, kernelSize: 1, initialiser)
    conv4 = BiasedConv2d(c, 2 * c, kernelSize: 1, initialiser)
    conv5 = BiasedConv2d(c, c, kernelSize: 1, initialiser)
    norm1 = LayerNorm(c, epsilon: 1e-6)
    norm2 = LayerNorm(c, epsilon: 1e-6)
    beta = Parameter(.zeros([1, c, 1, 1]))
    gamma = Parameter(.zeros([1, c, 1, 1]))
  }

  public var members: [(name: String, member: Member)] {
    [
      ("beta", .parameter(beta)), ("gamma", .parameter(gamma)), ("conv1", .module(conv1)), ("conv2", .module(conv2)),
      ("conv3", .module(conv3)), ("sca", .module(ModuleList(named: [("1", attention)]))), ("conv4", .module(conv4)),
      ("conv5", .module(conv5)), ("norm1", .module(norm1)), ("norm2", .module(norm2)),
    ]
  }

  /// One operation where the kernels take its channels, `composed` elsewhere.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    FusedNAFBlock.applies(channels: x.c) ? FusedNAFBlock.apply(self, x) : composed(x)
  }

  /// The block from single operations: the reference of `FusedNAFBlock`.
  package func composed(_ x: Tensor) -> Tensor {
    let gated = conv2(conv1(norm1.overChannels(x))).simpleGate()
    let weighted = gated.scaledChannels(attention(gated.globalAverage()))
    let y = x + conv3(weighted).scaledChannels(beta.tensor)
    let second = conv5(conv4(norm2.overChannels(y)).simpleGate())
    return y + second.scaledChannels(gamma.tensor)
  }
}
