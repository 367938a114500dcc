/// A projection to another resolution with a correction: a = P(x), e = Q(a) - x, result a + P'(e). P, P' enlarge and Q
/// shrinks, or the reverse; each is a (transposed) convolution and a PReLU by channel.
/// Source: DBPN (Haris, Shakhnarovich, Ukita, CVPR 2018), as SGNet uses it. Parity: layers/sgnet_dense_projection_*.
package final class DenseProjection: Module {
  /// One projection, `0` the convolution and `1` its activation.
  final class Step: Module {
    enum Layer {
      case enlarges(ConvTranspose2d)
      case shrinks(Conv2d)
    }

    let layer: Layer
    let activation: PReLU

    init(_ channels: Int, scale: Int, enlarges: Bool, _ initialiser: WeightInitialiser) {
      let (kernel, padding) = (scale + 4, 2)
      activation = PReLU(channels)
      layer =
        enlarges
        ? .enlarges(
          ConvTranspose2d(channels, channels, kernelSize: kernel, stride: scale, padding: padding, initialiser))
        : .shrinks(Conv2d(channels, channels, kernelSize: kernel, stride: scale, padding: padding, initialiser))
    }

    var members: [(name: String, member: Member)] {
      let convolution: any Module =
        switch layer {
        case .enlarges(let convolution): convolution
        case .shrinks(let convolution): convolution
        }
      return [("0", .module(convolution)), ("1", .module(activation))]
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      switch layer {
      case .enlarges(let convolution): activation(convolution(x))
      case .shrinks(let convolution): activation(convolution(x))
      }
    }
  }

  let first: Step, back: Step, second: Step

  /// - Parameter scale: 2, 4, 8 or 16; kernel scale + 4, padding 2.
  package init(_ channels: Int, scale: Int, enlarges: Bool, _ initialiser: WeightInitialiser) {
    first = Step(channels, scale: scale, enlarges: enlarges, initialiser)
    back = Step(channels, scale: scale, enlarges: !enlarges, initialiser)
    second = Step(channels, scale: scale, enlarges: enlarges, initialiser)
  }

  package var members: [(name: String, member: Member)] {
    [("conv_1", .module(first)), ("conv_2", .module(back)), ("conv_3", .module(second))]
  }

  package func callAsFunction(_ x: Tensor) -> Tensor {
    let a = first(x)
    return a + second(back(a) - x)
  }
}
