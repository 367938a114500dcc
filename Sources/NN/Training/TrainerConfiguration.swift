import Basics

/// Everything that decides a training run besides the data.
public struct TrainerConfiguration: Sendable, Hashable {
  public enum Rule: Sendable, Hashable {
    case adamW(beta1: Double, beta2: Double, weightDecay: Double)
    case adam(beta1: Double, beta2: Double, weightDecay: Double)
    case sgd(momentum: Double, nesterov: Bool, weightDecay: Double)
  }

  /// Weights of the terms of the loss; a weight of 0 leaves its term out.
  public struct Loss: Sendable, Hashable {
    public var l1 = 1.0
    /// Masked gradient loss.
    public var gradient = 0.5
    /// 1 - cosine of the predicted normals.
    public var normals = 0.0
    public init(l1: Double = 1, gradient: Double = 0.5, normals: Double = 0) {
      (self.l1, self.gradient, self.normals) = (l1, gradient, normals)
    }
  }

  public var epochs = 100
  public var batch = 2
  /// Batches whose gradients are added before a step; an incomplete last group takes a step with what it has.
  public var accumulation = 4
  /// Times that each example is drawn in an epoch.
  public var repeats = 1
  public var rule = Rule.adamW(beta1: 0.9, beta2: 0.999, weightDecay: 1e-4)
  public var learningRate = 1e-4
  /// By epochs.
  public var schedule = LearningRateSchedule.cosine(period: 100, minimum: 0)
  public var loss = Loss()
  public var clipping = GradientClipping.none
  public var augmentation = Augmentation()
  public var seed: UInt64 = 0
  /// Seconds between checkpoints; one is written at every end of an epoch besides.
  public var checkpointInterval = 30.0
  /// Bytes of decoded examples kept in memory.
  public var cacheLimit = 2 << 30

  public init() {}

  func makeOptimiser(_ parameters: [(name: String, parameter: Parameter)]) -> any Optimiser {
    switch rule {
    case .adamW(let beta1, let beta2, let decay):
      Adam(parameters, beta1: beta1, beta2: beta2, weightDecay: decay, decoupled: true)
    case .adam(let beta1, let beta2, let decay):
      Adam(parameters, beta1: beta1, beta2: beta2, weightDecay: decay, decoupled: false)
    case .sgd(let momentum, let nesterov, let decay):
      SGD(parameters, momentum: momentum, nesterov: nesterov, weightDecay: decay)
    }
  }

  /// What a checkpoint must share with a run that resumes from it.
  var fingerprint: String {
    var copy = self
    copy.checkpointInterval = 0
    copy.cacheLimit = 0
    return Digest.of("\(copy)").hex
  }
}

/// A training run that cannot go on: what is wrong and where.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
