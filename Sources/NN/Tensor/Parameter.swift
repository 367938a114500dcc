import Basics
import Synchronization

/// A learnt tensor with a name in the state dictionary. Its value is contiguous, in PyTorch's layout.
public final class Parameter {
  public private(set) var value: Tensor
  /// The sum of the gradients since `clearGradient`; nil before the first.
  public private(set) var gradient: Tensor?
  /// False excludes it from training; it then gets no gradient.
  public var isTrainable = true
  private let keptFilter = Mutex<KeptFilter?>(nil)

  public init(_ value: Tensor) { self.value = value.contiguous().detached() }
  public convenience init(_ values: [Float], _ shape: [Int]) { self.init(Tensor(values, shape)) }

  public var shape: [Int] { value.shape }
  public var count: Int { value.count }

  /// The value as a variable of the computation: what operations take.
  public var tensor: Tensor {
    guard NN.recordsGradients, isTrainable else { return value }
    return value.variable { [self] in accumulate($0) }
  }

  /// The value as a kernel reads it; nil once the value has changed. Several tasks may evaluate a network at a time.
  var kept: KeptFilter? {
    get { keptFilter.withLock { $0 } }
    set { keptFilter.withLock { $0 = newValue } }
  }

  public func clearGradient() { gradient = nil }

  func accumulate(_ more: Tensor) {
    if let gradient {
      gradient.addInPlace(more)
    } else {
      let fresh = Tensor.empty(shape)
      let source = more.contiguous()
      precondition(
        source.count == fresh.count,
        "a gradient of shape \(more.shape) for a parameter of shape \(shape)")
      fresh.writer.update(from: source.reader, count: fresh.count)
      gradient = fresh
    }
  }

  /// Replaces the value; the shape stays.
  public func assign(_ newValue: Tensor) {
    precondition(newValue.shape == shape, "a value of shape \(newValue.shape) for a parameter of shape \(shape)")
    value = newValue.contiguous().detached()
    kept = nil
  }

  /// Changes the value in place, for an optimiser's step: between a backward pass and the next forward pass, when no record
  /// refers to the old value any more. Filters packed from it are dropped.
  func update(_ body: (SharedWriter<Float>) -> Void) {
    let value = value
    body(value.writer)
    kept = nil
  }
}
