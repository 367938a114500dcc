import Basics

/// Draws initial weights from one seeded stream, in the order in which layers are made.
public final class WeightInitialiser {
  public var random: SeededRandom
  private let draws: Bool
  public init(seed: UInt64) {
    random = SeededRandom(seed: seed, stream: "weights")
    draws = true
  }

  /// Gives zeros in place of numbers where `draws` is false: a network is then made for its names and shapes only.
  package init(drawing draws: Bool) {
    random = SeededRandom(seed: 0, stream: "weights")
    self.draws = draws
  }

  /// Uniform in -bound ..< bound.
  public func uniform(_ shape: [Int], bound: Double) -> Tensor {
    guard draws else { return .zeros(shape) }
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-bound, bound)) }, shape)
  }

  /// PyTorch's default for weights and biases of convolutions and linear layers: uniform within 1 / sqrt(fanIn).
  public func standard(_ shape: [Int], fanIn: Int) -> Tensor {
    uniform(shape, bound: 1 / Double(max(1, fanIn)).squareRoot())
  }

  public func normal(_ shape: [Int], deviation: Double) -> Tensor {
    guard draws else { return .zeros(shape) }
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal() * deviation) }, shape)
  }
}
