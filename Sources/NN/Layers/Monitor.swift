/// Looks at the outputs of layers, one after the other: for the first that is not finite, to find the place of a failure that
/// has already happened, or to count work. Off otherwise.
final class Monitor: @unchecked Sendable {  // used by the one task that runs the forward pass
  @TaskLocal static var current: Monitor?

  /// Called for the output of every layer with weights, to count work.
  var onLayer: ((_ output: Tensor, _ weight: Parameter) -> Void)?
  /// The weight of the first layer with a bad output.
  private(set) var first: Parameter?

  static func observe(_ output: Tensor, of weight: Parameter) {
    guard let current else { return }
    if let onLayer = current.onLayer { return onLayer(output, weight) }
    guard current.first == nil else { return }
    if output.values.contains(where: { !$0.isFinite }) { current.first = weight }
  }
}
