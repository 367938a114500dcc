// Blocks that add their input, shared by several networks.

/// x + factor * conv(relu(conv(x))), 3x3, with the state names of the network it belongs to.
public final class ResidualBlock: Module {
  let first: Conv2d
  let second: Conv2d
  let names: (String, String)
  let factor: Float
  let slope: Float

  /// - Parameters:
  ///   - names: state names of the two convolutions.
  ///   - slope: of the activation between them for negative values; 0 is a ReLU.
  package init(
    _ channels: Int, names: (String, String), factor: Float = 1, slope: Float = 0, _ initialiser: WeightInitialiser
  ) {
    first = Conv2d(channels, channels, kernelSize: 3, padding: 1, initialiser)
    second = Conv2d(channels, channels, kernelSize: 3, padding: 1, initialiser)
    self.names = names
    self.factor = factor
    self.slope = slope
  }

  public var members: [(name: String, member: Member)] { [(names.0, .module(first)), (names.1, .module(second))] }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    if slope == 0 { return x.residualBlock(first, second, factor: factor) }
    let result = second(first(x).leakyReLU(slope))
    return x + (factor == 1 ? result : result.affine(factor))
  }
}

/// Channels times sigmoid(conv(relu(conv(mean)))) of their means, 1x1. Source: RCAN (Zhang et al., ECCV 2018).
/// Parity: layers/sgnet_calayer.
public final class ChannelAttention: Module {
  let squeeze: Conv2d
  let expand: Conv2d

  public init(_ channels: Int, reduction: Int, _ initialiser: WeightInitialiser) {
    squeeze = Conv2d(channels, channels / reduction, kernelSize: 1, initialiser)
    expand = Conv2d(channels / reduction, channels, kernelSize: 1, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    [("conv_du", .module(ModuleList(named: [("0", squeeze), ("2", expand)])))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.scaledChannels(expand(squeeze(x.globalAverage()).relu()).sigmoid())
  }
}

/// x + attention(conv(act(conv(x)))), 3x3 (RCAB of RCAN). The activation is LeakyReLU; slope 0 is a ReLU.
final class ChannelAttentionBlock: Module {
  let first: Conv2d
  let second: Conv2d
  let attention: ChannelAttention
  let slope: Float

  init(_ channels: Int, reduction: Int, slope: Float, _ initialiser: WeightInitialiser) {
    first = Conv2d(channels, channels, kernelSize: 3, padding: 1, initialiser)
    second = Conv2d(channels, channels, kernelSize: 3, padding: 1, initialiser)
    attention = ChannelAttention(channels, reduction: reduction, initialiser)
    self.slope = slope
  }

  var members: [(name: String, member: Member)] {
    [("body", .module(ModuleList(named: [("0", first), ("2", second), ("3", attention)])))]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let middle = first(x)
    return attention(second(slope == 0 ? middle.relu() : middle.leakyReLU(slope))) + x
  }
}

/// A chain of channel-attention blocks and a 3x3 convolution, plus the input.
final class ResidualGroup: Module {
  let blocks: [ChannelAttentionBlock]
  let last: Conv2d

  init(_ channels: Int, reduction: Int, blocks count: Int, _ initialiser: WeightInitialiser) {
    blocks = (0..<count).map { _ in
      ChannelAttentionBlock(channels, reduction: reduction, slope: 0.2, initialiser)
    }
    last = Conv2d(channels, channels, kernelSize: 3, padding: 1, initialiser)
  }

  var members: [(name: String, member: Member)] { [("body", .module(ModuleList(blocks + [last as any Module])))] }

  func callAsFunction(_ x: Tensor) -> Tensor { last(blocks.reduce(x) { $1($0) }) + x }
}

/// Convolutions to r² times the channels, each followed by a pixel shuffle: x2, x3 or a power of 2.
package final class ShuffleUpsampler: Module {
  let convolutions: [Conv2d]
  let factors: [Int]
  /// State names are 0, 2, 4 ... or, with activations of parameters between, given by the caller.
  let names: [String]

  package init(_ channels: Int, scale: Int, step: Int = 2, _ initialiser: WeightInitialiser) {
    precondition(ShuffleUpsampler.supports(scale), "a scale of \(scale) is not 3 or a power of 2")
    var factors: [Int] = []
    var rest = scale
    while rest % 2 == 0 {
      factors.append(2)
      rest /= 2
    }
    if rest == 3 { factors.append(3) }
    self.factors = factors
    convolutions = factors.map { Conv2d(channels, channels * $0 * $0, kernelSize: 3, padding: 1, initialiser) }
    names = factors.indices.map { String($0 * step) }
  }

  static func supports(_ scale: Int) -> Bool { scale == 3 || (scale > 0 && scale & (scale - 1) == 0) }

  package var members: [(name: String, member: Member)] { zip(names, convolutions).map { ($0, .module($1)) } }

  package func callAsFunction(_ x: Tensor) -> Tensor {
    zip(convolutions, factors).reduce(x) { x, step in
      step.1 == 2 ? x.convolvedShuffled(step.0) : step.0(x).pixelShuffled(step.1)
    }
  }
}
