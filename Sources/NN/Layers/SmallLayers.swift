// Layers of one operation each: parametric ReLU, layer normalisation, linear map.

/// x for x > 0, else slope x; one slope for all channels or one each, 0.25 at first. Parity: layers/prelu_*.
public final class PReLU: Module {
  public let weight: Parameter
  public init(_ slopes: Int = 1) { weight = Parameter(.filled([slopes], 0.25)) }
  public var members: [(name: String, member: Member)] { [("weight", .parameter(weight))] }
  public func callAsFunction(_ x: Tensor) -> Tensor { x.prelu(weight.tensor) }
}

/// Normalisation of the last axis, or of the channels of images; weight 1 and bias 0 at first.
/// Parity: layers/layernorm_last, layers/layernorm2d_channels.
public final class LayerNorm: Module {
  public let weight: Parameter
  public let bias: Parameter
  public let epsilon: Float

  public init(_ channels: Int, epsilon: Float) {
    weight = Parameter(.filled([channels], 1))
    bias = Parameter(.zeros([channels]))
    self.epsilon = epsilon
  }

  public var members: [(name: String, member: Member)] {
    [("weight", .parameter(weight)), ("bias", .parameter(bias))]
  }

  /// Rows along the last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.layerNormalised(weight: weight.tensor, bias: bias.tensor, epsilon: epsilon)
  }

  /// The channels of each pixel of images.
  public func overChannels(_ x: Tensor) -> Tensor {
    x.layerNormalisedOverChannels(weight: weight.tensor, bias: bias.tensor, epsilon: epsilon)
  }
}

/// x W^T + b along the last axis. Weight [out, in], normal with deviation 0.02; bias 0 (as vision transformers start).
/// Parity: layers/linear.
public final class Linear: Module {
  public let weight: Parameter
  public let bias: Parameter

  public init(_ inputs: Int, _ outputs: Int, _ initialiser: WeightInitialiser) {
    weight = Parameter(initialiser.normal([outputs, inputs], deviation: 0.02))
    bias = Parameter(.zeros([outputs]))
  }

  public var members: [(name: String, member: Member)] {
    [("weight", .parameter(weight)), ("bias", .parameter(bias))]
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let y = x.linear(weight.tensor, bias: bias.tensor)
    Monitor.observe(y, of: weight)
    return y
  }
}
