import Basics

/// Everything that decides a training run besides the data.
public struct TrainerConfiguration: Sendable, Hashable {
  public enum Rule: Sendable, Hashable {
    case adamW(beta1: Double, beta2: Double, weightDecay: Double)
    case adam(beta1: Double, beta2: Double, weightDecay: Double)
    case sgd(momentum: Double, nesterov: Bool, weightDecay: Double)
  }

  /// The time that a schedule counts.
  public enum ScheduleUnit: String, Sendable, Hashable, CaseIterable { case epoch, step }

  /// The figure that decides which epoch is the best.
  public enum Criterion: String, Sendable, Hashable, CaseIterable {
    /// The smallest masked L1.
    case l1
    /// The largest PSNR.
    case psnr
  }

  public var epochs = 100
  public var batch = 2
  /// Batches whose gradients are added before a step; an incomplete last group takes a step with what it has.
  public var accumulation = 4
  /// Times that each example is drawn in an epoch.
  public var repeats = 1
  public var rule = Rule.adamW(beta1: 0.9, beta2: 0.999, weightDecay: 1e-4)
  /// Added to Adam's root.
  public var epsilon = 1e-8
  public var learningRate = 1e-4
  public var groups: [ParameterGroup] = []
  public var schedule = LearningRateSchedule.cosine(period: 100, minimum: 0)
  public var scheduleUnit = ScheduleUnit.epoch
  public var loss = Loss()
  public var clipping = GradientClipping.none
  /// Decay of the moving average of the weights that is validated and kept; nil validates the weights themselves.
  public var averageDecay: Double?
  public var augmentation = Augmentation()
  public var best = Criterion.l1
  /// Epochs from one validation to the next; the last epoch is always validated.
  public var validationInterval = 1
  /// Side of the central square, in input pixels, that is validated; nil validates whole maps.
  public var validationPatch: Int?
  public var seed: UInt64 = 0
  /// Seconds between checkpoints; one is written at every end of an epoch besides.
  public var checkpointInterval = 30.0
  /// Bytes of decoded examples kept in memory.
  public var cacheLimit = 2 << 30

  public init() {}

  /// Steps of one epoch with this many examples.
  public func stepsPerEpoch(examples: Int) -> Int {
    let batches = (examples * repeats + batch - 1) / batch
    return (batches + accumulation - 1) / accumulation
  }

  func makeOptimiser(_ parameters: [(name: String, parameter: Parameter)]) -> any Optimiser {
    func make(_ parameters: [(name: String, parameter: Parameter)], decay own: Double? = nil) -> any Optimiser {
      switch rule {
      case .adamW(let beta1, let beta2, let decay):
        Adam(
          parameters, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: own ?? decay, decoupled: true)
      case .adam(let beta1, let beta2, let decay):
        Adam(
          parameters, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: own ?? decay, decoupled: false)
      case .sgd(let momentum, let nesterov, let decay):
        SGD(parameters, momentum: momentum, nesterov: nesterov, weightDecay: own ?? decay)
      }
    }
    if groups.isEmpty { return make(parameters) }
    var rest = parameters
    var parts: [GroupedOptimiser.Part] = []
    func add(_ members: [(name: String, parameter: Parameter)], _ rate: Double?, _ decay: Double?) {
      let factor = rate.map { learningRate == 0 ? 0 : $0 / learningRate } ?? 1
      parts.append(
        GroupedOptimiser.Part(
          names: Set(members.map(\.name)), optimiser: make(members, decay: decay), factor: factor))
    }
    for group in groups {
      add(rest.filter { group.contains($0.name) }, group.learningRate, group.weightDecay)
      rest.removeAll { group.contains($0.name) }
    }
    add(rest, nil, nil)
    return GroupedOptimiser(parts)
  }
}
