// Which layer a failure comes from.

extension Monitor {
  /// The name of the first layer of `network` whose output is not finite for `input`.
  static func firstBadLayer(_ network: any Network, _ input: NetworkInput) -> String? {
    let monitor = Monitor()
    _ = $current.withValue(monitor) { NN.withoutGradients { network(input) } }
    guard let weight = monitor.first else { return nil }
    return network.namedParameters.first { $0.parameter === weight }.map { layerName($0.name) }
  }

  /// `enc1.0.weight` -> `enc1.0`.
  static func layerName(_ parameter: String) -> String {
    parameter.split(separator: ".").dropLast().joined(separator: ".")
  }
}
