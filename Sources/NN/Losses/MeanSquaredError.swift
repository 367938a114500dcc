extension LossTerm {
  public static let mse = LossTerm("mse", "Weight of the mean squared error.", weights: 0...1e6) {
    $0.meanOverMask { $0.meanSquaredError($1) }
  }
}

extension Tensor {
  /// mean (p - t)². Parity: losses/mse.
  public func meanSquaredError(_ target: Tensor) -> Tensor {
    meanLoss(target, { Double($0) * Double($0) }, derivative: { 2 * $0 })
  }
}
