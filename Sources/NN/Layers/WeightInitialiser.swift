import Basics

/// Draws initial weights from one seeded stream, in the order in which layers are made.
public final class WeightInitialiser {
  public var random: SeededRandom
  public init(seed: UInt64) { random = SeededRandom(seed: seed, stream: "weights") }

  /// Uniform in -bound ..< bound.
  public func uniform(_ shape: [Int], bound: Double) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-bound, bound)) }, shape)
  }

  /// PyTorch's default for weights and biases of convolutions and linear layers: uniform within 1 / sqrt(fanIn).
  public func standard(_ shape: [Int], fanIn: Int) -> Tensor {
    uniform(shape, bound: 1 / Double(max(1, fanIn)).squareRoot())
  }

  public func normal(_ shape: [Int], deviation: Double) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal() * deviation) }, shape)
  }
}
