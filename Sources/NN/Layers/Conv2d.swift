/// A two-dimensional convolution. Weight [out, in/groups, k, k], bias [out]; both start uniform within 1 / sqrt(fan-in).
public final class Conv2d: Module {
  public let weight: Parameter
  public let bias: Parameter?
  public let geometry: ConvolutionGeometry

  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias: Bool = true, _ initialiser: WeightInitialiser
  ) {
    geometry = ConvolutionGeometry(
      kernel: kernelSize, stride: stride, padding: padding, dilation: dilation, groups: groups)
    let fanIn = inputChannels / groups * kernelSize * kernelSize
    weight = Parameter(
      initialiser.standard([outputChannels, inputChannels / groups, kernelSize, kernelSize], fanIn: fanIn))
    self.bias = bias ? Parameter(initialiser.standard([outputChannels], fanIn: fanIn)) : nil
  }

  init(weight: Parameter, bias: Parameter?, geometry: ConvolutionGeometry) {
    (self.weight, self.bias, self.geometry) = (weight, bias, geometry)
  }

  /// Sets weights and bias to zero: a correction that begins with this layer begins as no correction.
  func zero() {
    weight.assign(.zeros(weight.shape))
    bias?.assign(.zeros([weight.shape[0]]))
  }

  public var members: [(name: String, member: Member)] {
    [("weight", .parameter(weight))] + (bias.map { [("bias", .parameter($0))] } ?? [])
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let y = x.convolved(weight.tensor, bias: bias?.tensor, geometry, keeping: weight)
    Monitor.observe(y, of: weight)
    return y
  }
}

/// A convolution that certainly has a bias, for layers that fold it into others.
final class BiasedConv2d: Module {
  let layer: Conv2d
  let bias: Parameter
  var weight: Parameter { layer.weight }

  init(
    _ inputChannels: Int, _ outputChannels: Int, kernelSize: Int, padding: Int = 0, groups: Int = 1,
    _ initialiser: WeightInitialiser
  ) {
    let fanIn = inputChannels / groups * kernelSize * kernelSize
    let shape = [outputChannels, inputChannels / groups, kernelSize, kernelSize]
    let weight = Parameter(initialiser.standard(shape, fanIn: fanIn))
    bias = Parameter(initialiser.standard([outputChannels], fanIn: fanIn))
    layer = Conv2d(
      weight: weight, bias: bias, geometry: ConvolutionGeometry(kernel: kernelSize, padding: padding, groups: groups))
  }

  var members: [(name: String, member: Member)] { layer.members }

  func callAsFunction(_ x: Tensor) -> Tensor { layer(x) }
}

/// A transposed convolution. Weight [in, out/groups, k, k], bias [out]; both start uniform within 1 / sqrt(out * k * k).
public final class ConvTranspose2d: Module {
  public let weight: Parameter
  public let bias: Parameter?
  public let geometry: ConvolutionGeometry

  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1,
    bias: Bool = true, _ initialiser: WeightInitialiser
  ) {
    geometry = ConvolutionGeometry(kernel: kernelSize, stride: stride, padding: padding, groups: groups)
    let fanIn = outputChannels / groups * kernelSize * kernelSize
    weight = Parameter(
      initialiser.standard([inputChannels, outputChannels / groups, kernelSize, kernelSize], fanIn: fanIn))
    self.bias = bias ? Parameter(initialiser.standard([outputChannels], fanIn: fanIn)) : nil
  }

  public var members: [(name: String, member: Member)] {
    [("weight", .parameter(weight))] + (bias.map { [("bias", .parameter($0))] } ?? [])
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let y = x.convolvedTransposed(weight.tensor, bias: bias?.tensor, geometry, keeping: weight)
    Monitor.observe(y, of: weight)
    return y
  }
}
