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
      precondition(source.count == fresh.count, "a gradient of shape \(more.shape) for a parameter of shape \(shape)")
      fresh.data.update(from: source.data, count: fresh.count)
      gradient = fresh
    }
  }

  /// Replaces the value; the shape stays.
  public func assign(_ newValue: Tensor) {
    precondition(newValue.shape == shape, "a value of shape \(newValue.shape) for a parameter of shape \(shape)")
    value = newValue.contiguous().detached()
    kept = nil
  }

  /// Changes the value in place.
  func update(_ body: (UnsafeMutablePointer<Float>) -> Void) {
    body(value.data)
    kept = nil
  }
}

/// State that is not learnt by gradients: running statistics, counters, index tables.
public final class Buffer {
  public enum Value {
    case float(Tensor)
    case int([Int64], shape: [Int])
  }

  public var value: Value
  /// False keeps it out of the state dictionary.
  public let isPersistent: Bool

  public init(_ value: Value, isPersistent: Bool = true) {
    self.value = value
    self.isPersistent = isPersistent
  }

  public var tensor: Tensor {
    guard case .float(let tensor) = value else { preconditionFailure("this buffer holds integers") }
    return tensor
  }
}

/// A part of a network: a layer, a block, or the whole.
///
/// `members` names every parameter, buffer and sub-module as the reference implementation's state dictionary does, in its
/// order; names of nested members are joined with dots.
public protocol Module: AnyObject {
  var members: [(name: String, member: Member)] { get }
  /// Switches between training and evaluation here and below.
  func setTraining(_ training: Bool)
}

/// What a module consists of.
public enum Member {
  case parameter(Parameter)
  case buffer(Buffer)
  case module(any Module)
}

extension Module {
  public func setTraining(_ training: Bool) {
    for (_, member) in members { if case .module(let module) = member { module.setTraining(training) } }
  }

  private func visit(_ prefix: String, _ body: (String, Member) -> Void) {
    for (name, member) in members {
      let path = prefix.isEmpty ? name : "\(prefix).\(name)"
      if case .module(let module) = member { module.visit(path, body) } else { body(path, member) }
    }
  }

  /// All parameters below, by their full names, in the order of the state dictionary.
  public var namedParameters: [(name: String, parameter: Parameter)] {
    var result: [(name: String, parameter: Parameter)] = []
    visit("") { name, member in if case .parameter(let parameter) = member { result.append((name, parameter)) } }
    return result
  }

  public var namedBuffers: [(name: String, buffer: Buffer)] {
    var result: [(name: String, buffer: Buffer)] = []
    visit("") { name, member in if case .buffer(let buffer) = member { result.append((name, buffer)) } }
    return result
  }

  /// Parameters and persistent buffers in the order of the members.
  public var state: [(name: String, member: Member)] {
    var result: [(name: String, member: Member)] = []
    visit("") { name, member in
      if case .buffer(let buffer) = member, !buffer.isPersistent { return }
      result.append((name, member))
    }
    return result
  }

  public var parameterCount: Int { namedParameters.reduce(0) { $0 + $1.parameter.count } }

  public func clearGradients() { for (_, parameter) in namedParameters { parameter.clearGradient() } }
}

/// A list of modules named 0, 1, 2 and so on, or by the given names (state dictionaries skip the layers without state).
public final class ModuleList: Module {
  public let items: [(name: String, module: any Module)]
  public init(_ items: [any Module]) { self.items = items.enumerated().map { (String($0.offset), $0.element) } }
  public init(named items: [(String, any Module)]) { self.items = items.map { (name: $0.0, module: $0.1) } }
  public var members: [(name: String, member: Member)] { items.map { ($0.name, .module($0.module)) } }
}

/// Draws initial weights from one seeded stream, in the order in which layers are made.
public final class WeightInitialiser {
  public var random: SeededRandom
  public init(seed: UInt64) { random = SeededRandom(seed: seed, stream: "weights") }

  /// Uniform in -bound ..< bound.
  public func uniform(_ shape: [Int], bound: Double) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-bound, bound)) }, shape)
  }

  /// PyTorch's default for weights and biases of convolutions and linear layers: uniform within 1 / sqrt(fanIn).
  public func standard(_ shape: [Int], fanIn: Int) -> Tensor {
    uniform(shape, bound: 1 / Double(max(1, fanIn)).squareRoot())
  }

  public func normal(_ shape: [Int], deviation: Double) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal() * deviation) }, shape)
  }
}
