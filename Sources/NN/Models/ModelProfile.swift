import Basics

/// What a network costs for an input of a given size.
public struct ModelProfile: Sendable, Hashable {
  public var parameters: Int
  /// Multiply-adds of all convolutions and linear maps of one forward pass.
  public var multiplyAdds: Double
  /// Bytes of tensors in use at most during one forward pass, weights and their packed forms included.
  public var memory: Double
  /// Side of the square of input pixels that an output pixel depends on; nil for the whole image.
  public var receptiveField: Int?
  /// Output side over input side.
  public var scale: Int
  public var needsGuide: Bool

  /// Counts work and memory on two small inputs and extends them by the area: every network here costs in proportion to its
  /// pixels, plus what its weights need. Attention inside windows and Fourier transforms are not counted as multiply-adds.
  /// - Parameters:
  ///   - height: of the input; the width alike.
  ///   - probe: side of the small input, a multiple of what the network needs.
  /// - Throws: `ModelError` when the description is not a model.
  public init(_ description: JSON, height: Int, width: Int, probe: Int = 16) throws {
    let network = try ModelCatalogue.make(description)
    network.setTraining(false)
    let channels = network.imageChannels
    let side = (probe + network.sizeMultiple - 1) / network.sizeMultiple * network.sizeMultiple
    let small = Self.measure(network, channels: channels, side: side)
    let large = Self.measure(network, channels: channels, side: 2 * side)
    let area = Double(height * width) / Double(side * side)
    let perArea = max(0, large.memory - small.memory) / 3
    let kept = network.namedParameters.reduce(0) { $0 + ($1.parameter.kept?.bytes ?? 0) }
    memory = Double(network.parameterCount * 4 + kept) + max(0, small.memory - perArea) + perArea * area
    multiplyAdds = small.work * area
    parameters = network.parameterCount
    receptiveField = network.reach.map { 2 * $0 + 1 }
    scale = network.scale
    needsGuide = network.needsGuide
  }

  /// Multiply-adds and bytes of one forward pass on a square input.
  private static func measure(_ network: any Network, channels: Int, side: Int) -> (work: Double, memory: Double) {
    let input = NetworkInput(
      image: .filled([1, channels, side, side], 0.5),
      guide: network.guideKind.map { .filled([1, $0.channels, side * network.scale, side * network.scale], 0.5) })
    let divisors = network.transposedStrides
    let monitor = Monitor()
    var work = 0.0
    monitor.onLayer = { output, weight in
      guard weight.shape.count > 1 else { return }
      let pixels =
        weight.shape.count == 4 ? output.shape[0] * output.shape[2] * output.shape[3] : output.count / weight.shape[0]
      work += Double(pixels) * Double(weight.count) / Double(divisors[ObjectIdentifier(weight)] ?? 1)
    }
    Monitor.$current.withValue(monitor) { NN.withoutGradients { _ = network(input) } }
    // Once more without the monitor, for which fused blocks are taken apart, and with the filters packed.
    NN.resetPeakMemory()
    let before = Double(NN.peakMemory)
    NN.withoutGradients { _ = network(input) }
    return (work, max(0, Double(NN.peakMemory) - before))
  }
}

extension Module {
  /// For the weight of every transposed convolution below the number of output pixels that share one use of it.
  fileprivate var transposedStrides: [ObjectIdentifier: Int] {
    var result: [ObjectIdentifier: Int] = [:]
    for (_, member) in members {
      guard case .module(let module) = member else { continue }
      if let layer = module as? ConvTranspose2d {
        result[ObjectIdentifier(layer.weight)] = layer.geometry.stride * layer.geometry.stride
      } else {
        result.merge(module.transposedStrides) { first, _ in first }
      }
    }
    return result
  }
}
