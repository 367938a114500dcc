import Basics

/// The exponential moving average of a network's parameters, average = decay * average + (1 - decay) * value after every
/// optimiser step, from the first weights on (Polyak and Juditsky 1992; as BasicSR keeps `params_ema`). Buffers such as
/// running statistics are not averaged.
final class MovingAverage {
  let decay: Double
  private let parameters: [(name: String, parameter: Parameter)]
  private var averages: [Tensor]

  init(_ parameters: [(name: String, parameter: Parameter)], decay: Double) {
    self.decay = decay
    self.parameters = parameters
    averages = parameters.map { Self.copy($0.parameter.value) }
  }

  private static func copy(_ tensor: Tensor) -> Tensor {
    let result = Tensor.empty(tensor.shape)
    result.writer.update(from: tensor.contiguous().reader, count: tensor.count)
    return result
  }

  func update() {
    let (keep, take) = (Float(decay), Float(1 - decay))
    for ((_, parameter), average) in zip(parameters, averages) {
      let value = parameter.value
      let (target, source) = (average.writer, value.reader)
      parallelChunks(average.count) {
        for i in $0 { target[i] = keep * target[i] + take * source[i] }
      }
    }
  }

  /// Calls `body` with the averages in the place of the parameters.
  func inPlace<Result>(_ body: () throws -> Result) rethrows -> Result {
    let live = parameters.map(\.parameter.value)
    for ((_, parameter), average) in zip(parameters, averages) { parameter.assign(average) }
    defer { for ((_, parameter), value) in zip(parameters, live) { parameter.assign(value) } }
    return try body()
  }

  var state: [String: StoredTensor] {
    Dictionary(uniqueKeysWithValues: zip(parameters, averages).map { ($0.name, $1.stored) })
  }

  /// Puts saved averages back; what is missing keeps its value.
  func restore(_ state: [String: StoredTensor]) {
    averages = zip(parameters, averages).map { item, average in
      state[item.name].map { Self.copy(Tensor($0)) } ?? average
    }
  }
}
