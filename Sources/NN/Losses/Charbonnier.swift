extension LossTerm {
  public static let charbonnier = LossTerm(
    "charbonnier", "Weight of mean sqrt(d^2 + epsilon).", settings: [.charbonnierEpsilon]
  ) { input in
    input.meanOverMask { $0.charbonnierLoss($1, epsilon: Float(input[.charbonnierEpsilon])) }
  }
}

extension LossSetting {
  /// Added under Charbonnier's root.
  public static let charbonnierEpsilon = LossSetting(
    "charbonnier_epsilon", "The epsilon of that root.", standard: 1e-12, range: 1e-30...1)
}

extension Tensor {
  /// mean sqrt((p - t)² + epsilon). Parity: losses/charbonnier_*.
  public func charbonnierLoss(_ target: Tensor, epsilon: Float = 1e-12) -> Tensor {
    meanLoss(
      target, { (Double($0) * Double($0) + Double(epsilon)).squareRoot() },
      derivative: { Float(Double($0) / (Double($0) * Double($0) + Double(epsilon)).squareRoot()) })
  }
}
