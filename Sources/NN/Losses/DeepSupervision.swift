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
