import Basics
import Foundation

/// A rule that changes parameters by their gradients. Its state can be saved and put back bit for bit.
public protocol Optimiser: AnyObject {
  /// One step for all parameters that have a gradient; the others stay as they are (no decay either).
  /// - Parameter scale: multiplies every gradient first (clipping).
  func step(learningRate: Double, gradientScale scale: Float)
  /// Tensors by name that hold the rule's memory.
  var state: [String: Tensor] { get }
  /// Steps taken by each parameter.
  var steps: [String: Int] { get }
  /// Puts saved memory back.
  func restore(state: [String: Tensor], steps: [String: Int])
}

/// What the optimisers share: named parameters, memory by parameter, counting.
public class OptimiserBase {
  let parameters: [(name: String, parameter: Parameter)]
  public internal(set) var state: [String: Tensor] = [:]
  public internal(set) var steps: [String: Int] = [:]

  init(_ parameters: [(name: String, parameter: Parameter)]) { self.parameters = parameters }

  public func restore(state: [String: Tensor], steps: [String: Int]) {
    self.state = state.mapValues { saved in
      let copy = Tensor.empty(saved.shape)
      copy.writer.update(from: saved.contiguous().reader, count: saved.count)
      return copy
    }
    self.steps = steps
  }

  /// What a step does to a piece of one parameter: `range` of its elements, with up to two memories of the same shape.
  typealias Update =
    @Sendable (
      _ step: Int, _ value: SharedWriter<Float>,
      _ gradient: SharedReader<Float>,
      _ first: SharedWriter<Float>, _ second: SharedWriter<Float>,
      _ range: Range<Int>
    ) -> Void

  /// Calls `body` for pieces of every parameter with a gradient, in parallel. A memory without a name is the value itself.
  func forEachGradient(first: String? = nil, second: String? = nil, _ body: Update) {
    for (name, parameter) in parameters where parameter.isTrainable {
      guard let gradient = parameter.gradient else { continue }
      let step = steps[name, default: 0] + 1
      steps[name] = step
      func memory(_ kind: String?) -> Tensor {
        guard let kind else { return parameter.value }
        let key = "\(name).\(kind)"
        if let known = state[key] { return known }
        let fresh = Tensor.zeros(parameter.shape)
        state[key] = fresh
        return fresh
      }
      let (one, two) = (memory(first), memory(second))
      parameter.update { value in
        let (gradient, one, two) = (gradient.reader, one.writer, two.writer)
        parallelChunks(parameter.count) { range in body(step, value, gradient, one, two, range) }
      }
    }
  }
}

/// Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019), in PyTorch's order of operations.
/// Parity: optim/adam*.
public final class Adam: OptimiserBase, Optimiser {
  let beta1: Double
  let beta2: Double
  let epsilon: Double
  let weightDecay: Double
  /// True shrinks the weights before the step (AdamW); false adds the decay to the gradient (Adam with L2).
  let isDecoupled: Bool

  public init(
    _ parameters: [(name: String, parameter: Parameter)], beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: Double = 0, decoupled: Bool = true
  ) {
    (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
    (self.weightDecay, isDecoupled) = (weightDecay, decoupled)
    super.init(parameters)
  }

  public func step(learningRate: Double, gradientScale scale: Float = 1) {
    let b2 = Float(beta2)
    let (c1, c2) = (Float(1 - beta1), Float(1 - beta2))
    let shrink = isDecoupled ? Float(1 - learningRate * weightDecay) : 1
    let coupled = isDecoupled ? 0 : Float(weightDecay)
    let eps = Float(epsilon)
    forEachGradient(first: "exp_avg", second: "exp_avg_sq") {
      [beta1, beta2] step, value, gradient, m, v, range in
      let size = Float(learningRate / (1 - pow(beta1, Double(step))))
      let root = Float((1 - pow(beta2, Double(step))).squareRoot())
      for i in range {
        var g = gradient[i] * scale
        let w = value[i] * shrink
        g += coupled * w
        m[i] += (g - m[i]) * c1
        v[i] = v[i] * b2 + c2 * g * g
        value[i] = w - size * (m[i] / (v[i].squareRoot() / root + eps))
      }
    }
  }
}

/// Stochastic gradient descent with momentum (the first step sets the memory to the gradient) and decay added to the
/// gradient, as PyTorch has it. Parity: optim/sgd_*.
public final class SGD: OptimiserBase, Optimiser {
  let momentum: Float
  let isNesterov: Bool
  let weightDecay: Float

  public init(
    _ parameters: [(name: String, parameter: Parameter)], momentum: Double = 0, nesterov: Bool = false,
    weightDecay: Double = 0
  ) {
    self.momentum = Float(momentum)
    isNesterov = nesterov
    self.weightDecay = Float(weightDecay)
    super.init(parameters)
  }

  public func step(learningRate: Double, gradientScale scale: Float = 1) {
    let (rate, momentum, isNesterov, weightDecay) = (
      Float(learningRate), momentum, isNesterov, weightDecay
    )
    forEachGradient(first: momentum == 0 ? nil : "momentum") {
      step, value, gradient, memory, _, range in
      for i in range {
        var g = gradient[i] * scale + weightDecay * value[i]
        if momentum != 0 {
          memory[i] = step == 1 ? g : momentum * memory[i] + g
          g = isNesterov ? g + momentum * memory[i] : memory[i]
        }
        value[i] -= rate * g
      }
    }
  }
}

/// Limits on gradients before a step.
public enum GradientClipping: Hashable, Sendable {
  case none
  /// The gradients of all parameters together are scaled so that their norm of this order is at most `limit`.
  case norm(limit: Double, order: Double)
  /// Each element is limited to -limit...limit.
  case value(limit: Double)
}

extension Array where Element == (name: String, parameter: Parameter) {
  /// The norm over all gradients, in double precision.
  public func gradientNorm(order: Double = 2) -> Double {
    let sum = reduce(0.0) { total, item in
      guard let gradient = item.parameter.gradient else { return total }
      let values = gradient.reader
      return total
        + Tensor.deterministicSum(gradient.count) { i in
          let size = abs(Double(values[i]))
          return order == 2 ? size * size : order == 1 ? size : pow(size, order)
        }
    }
    return order == 2 ? sum.squareRoot() : order == 1 ? sum : pow(sum, 1 / order)
  }

  /// Limits the gradients; for a norm the factor to be given to `step`, else 1. Parity: optim/clip_grad_*.
  public func clipGradients(_ clipping: GradientClipping) -> Float {
    switch clipping {
    case .none: return 1
    case .norm(let limit, let order): return Float(Swift.min(1, limit / (gradientNorm(order: order) + 1e-6)))
    case .value(let limit):
      let bound = Float(limit)
      for (_, parameter) in self {
        guard let gradient = parameter.gradient else { continue }
        let values = gradient.writer
        parallelChunks(gradient.count) {
          for i in $0 { values[i] = Swift.min(Swift.max(values[i], -bound), bound) }
        }
      }
      return 1
    }
  }
}
