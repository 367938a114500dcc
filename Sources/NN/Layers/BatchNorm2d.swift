/// Batch normalisation by channel. Weight 1 and bias 0 at first; running statistics follow with `momentum` (the variance
/// with Bessel's correction) and are used in evaluation. Parity: layers/batchnorm2d_*.
public final class BatchNorm2d: Module {
  public let weight: Parameter
  public let bias: Parameter
  public let runningMean: Buffer
  public let runningVariance: Buffer
  public let batchesTracked: Buffer
  public let epsilon: Float
  public let momentum: Float
  public private(set) var isTraining = true

  public init(_ channels: Int, epsilon: Float = 1e-5, momentum: Float = 0.1) {
    weight = Parameter(.filled([channels], 1))
    bias = Parameter(.zeros([channels]))
    runningMean = Buffer(.float(.zeros([channels])))
    runningVariance = Buffer(.float(.filled([channels], 1)))
    batchesTracked = Buffer(.int([0], shape: []))
    self.epsilon = epsilon
    self.momentum = momentum
  }

  public var members: [(name: String, member: Member)] {
    [
      ("weight", .parameter(weight)), ("bias", .parameter(bias)), ("running_mean", .buffer(runningMean)),
      ("running_var", .buffer(runningVariance)), ("num_batches_tracked", .buffer(batchesTracked)),
    ]
  }

  public func setTraining(_ training: Bool) { isTraining = training }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let (y, used) = x.batchNormalised(
      weight: weight.tensor, bias: bias.tensor, epsilon: epsilon, fixed: isTraining ? nil : fixedStatistics)
    if isTraining { follow(used) }
    Monitor.observe(y, of: weight)
    return y
  }

  var fixedStatistics: BatchStatistics {
    BatchStatistics(mean: runningMean.tensor.values, variance: runningVariance.tensor.values, count: 0)
  }

  /// Moves the running statistics towards those of a batch.
  func follow(_ batch: BatchStatistics) {
    let correction = Float(batch.count) / Float(max(1, batch.count - 1))
    func moved(_ buffer: Buffer, _ target: [Float], _ factor: Float) {
      let old = buffer.tensor.values
      let new = zip(old, target).map { (1 - momentum) * $0 + momentum * factor * $1 }
      buffer.value = .float(Tensor(new, [new.count]))
    }
    moved(runningMean, batch.mean, 1)
    moved(runningVariance, batch.variance, correction)
    if case .int(let count, let shape) = batchesTracked.value {
      batchesTracked.value = .int(count.map { $0 + 1 }, shape: shape)
    }
  }
}
