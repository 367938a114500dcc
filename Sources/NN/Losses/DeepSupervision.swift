extension LossTerm {
  /// Each scale against the area average of the truth.
  public static let deep = LossTerm(
    "deep", "Weight of the mean squared errors of the lower scales that a network predicts.", weights: 0...1e6,
    needs: [.output(.scales)]
  ) { input in
    let batch = input.batch
    var predictions: [String: Tensor] = [:]
    var truths: [String: Tensor] = [:]
    for scale in try input(.scales) {
      let map = scale.map
      let truth = batch.target.averaged(height: map.h, width: map.w)
      let mask = batch.mask?.averaged(height: map.h, width: map.w)
      // Under the square, since the levels are added inside one loss.
      let factor = mask.map { Float(1 / max($0.mean().item, 1e-6)).squareRoot() } ?? 1
      predictions[scale.name] = map.replaced(outside: mask, by: truth).affine(factor)
      truths[scale.name] = NN.withoutGradients { truth.affine(factor) }
    }
    return predictions.deepSupervisionLoss(targets: truths)
  }
}

extension Dictionary where Key == String, Value == Tensor {
  /// The sum of the mean squared errors of the maps of several levels, each against its own target.
  /// Source: DSDMSR (arXiv 1808.08688). Parity: models/dsdmsr_*.
  public func deepSupervisionLoss(targets: [String: Tensor]) -> Tensor {
    var total: Tensor?
    for (name, map) in sorted(by: { $0.key < $1.key }) {
      guard let target = targets[name] else { preconditionFailure("no target for the map `\(name)`") }
      let part = map.meanSquaredError(target)
      total = total.map { $0 + part } ?? part
    }
    guard let total else { preconditionFailure("deep supervision needs at least one map") }
    return total
  }
}
