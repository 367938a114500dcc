/// Parameters that are trained with a rate or decay of their own, by the beginning of their names.
public struct ParameterGroup: Sendable, Hashable {
  /// Beginnings of names of the state dictionary, such as `depth_encoder.`; a group takes what no earlier group has.
  public var match: [String]
  /// Rate in place of the run's; the schedule changes both by the same factor. 0 leaves the parameters as they are.
  public var learningRate: Double?
  public var weightDecay: Double?

  public init(match: [String], learningRate: Double? = nil, weightDecay: Double? = nil) {
    (self.match, self.learningRate, self.weightDecay) = (match, learningRate, weightDecay)
  }

  func contains(_ name: String) -> Bool { match.contains { name.hasPrefix($0) } }
}

/// Several optimisers as one: each has its own parameters and its own factor of the rate.
final class GroupedOptimiser: Optimiser {
  struct Part {
    var names: Set<String>
    var optimiser: any Optimiser
    var factor: Double
  }

  private let parts: [Part]
  init(_ parts: [Part]) { self.parts = parts }

  func step(learningRate: Double, gradientScale scale: Float) {
    for part in parts where part.factor != 0 {
      part.optimiser.step(learningRate: learningRate * part.factor, gradientScale: scale)
    }
  }

  var state: [String: Tensor] { parts.reduce(into: [:]) { $0.merge($1.optimiser.state) { first, _ in first } } }
  var steps: [String: Int] { parts.reduce(into: [:]) { $0.merge($1.optimiser.steps) { first, _ in first } } }

  func restore(state: [String: Tensor], steps: [String: Int]) {
    for part in parts {
      // Names of memory are a parameter's name, a dot and the kind of memory.
      part.optimiser.restore(
        state: state.filter { part.names.contains($0.key.split(separator: ".").dropLast().joined(separator: ".")) },
        steps: steps.filter { part.names.contains($0.key) })
    }
  }
}
