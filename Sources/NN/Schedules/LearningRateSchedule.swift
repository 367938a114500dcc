import Basics
import Foundation

/// The learning rate as a pure function of the number of scheduler steps, so that resuming needs no state.
///
/// Step 0 is the rate of the first optimiser step; step k the rate after k scheduler steps (epochs or iterations, as the
/// trainer chooses). Sources: PyTorch `torch.optim.lr_scheduler`; BasicSR `lr_scheduler.py` for the restarting forms.
/// Parity: `optim/lr_*`.
public indirect enum LearningRateSchedule: Hashable, Sendable {
  case constant
  /// Half a cosine from the base rate to `minimum` over `period` steps; beyond it the rate climbs again.
  case cosine(period: Int, minimum: Double)
  /// Cosine annealing whose period restarts. At a step equal to a cumulative period the old period still holds, so the
  /// restart comes one step later (BasicSR). Steps beyond the last period stay at its end.
  case cosineRestarts(periods: [Int], weights: [Double], minimum: Double)
  /// Times `factor` every `size` steps.
  case step(size: Int, factor: Double)
  /// Times `factor` at each milestone; a milestone given twice counts twice.
  case multiStep(milestones: [Int], factor: Double)
  /// Multi-step decay that starts again at each restart with its weight times the base rate (BasicSR).
  case multiStepRestarts(milestones: [Int], factor: Double, restarts: [Int], weights: [Double])
  /// Rises linearly, base * (k + 1) / steps, while k + 1 < steps; then follows the inner schedule, which counts from 0
  /// throughout (BasicSR).
  case warmUp(steps: Int, then: LearningRateSchedule)

  /// The rate after `step` scheduler steps.
  public func rate(at step: Int, base: Double) -> Double {
    switch self {
    case .constant: return base
    case .cosine(let period, let minimum):
      return minimum + (base - minimum) * (1 + cos(.pi * Double(step) / Double(period))) / 2
    case .cosineRestarts(let periods, let weights, let minimum):
      var start = 0
      var index = 0
      while index + 1 < periods.count, step > start + periods[index] {
        start += periods[index]
        index += 1
      }
      let progress = min(1, Double(step - start) / Double(periods[index]))
      return minimum + weights[index] * 0.5 * (base - minimum) * (1 + cos(.pi * progress))
    case .step(let size, let factor): return base * pow(factor, Double(step / size))
    case .multiStep(let milestones, let factor):
      return base * pow(factor, Double(milestones.count { $0 <= step }))
    case .multiStepRestarts(let milestones, let factor, let restarts, let weights):
      var (start, weight, restarted) = (0, 1.0, false)
      for (restart, value) in zip(restarts, weights) where restart <= step && (!restarted || restart >= start) {
        (start, weight, restarted) = (restart, value, true)
      }
      // The restart's own step takes its weight even when it is a milestone too.
      let passed = milestones.count { $0 <= step && ($0 > start || (!restarted && $0 == start)) }
      return base * weight * pow(factor, Double(passed))
    case .warmUp(let steps, let inner):
      return step + 1 < steps ? base * Double(step + 1) / Double(steps) : inner.rate(at: step, base: base)
    }
  }
}

extension LearningRateSchedule {
  /// A schedule that cannot be built from its description.
  public struct Problem: ReadableError, Hashable {
    public var message: String
  }

  /// Reads a description such as `{"type": "cosine", "period": 100, "minimum": 0}`. Types: constant, cosine,
  /// cosine_restarts (periods, weights, minimum), step (size, factor), multi_step (milestones, factor),
  /// multi_step_restarts (milestones, factor, restarts, weights); each may carry `warm_up` steps. `period` defaults to
  /// `defaultPeriod`, the length of the training.
  /// - Throws: `Problem` naming the key.
  public init(description: JSON, defaultPeriod: Int) throws {
    let fields = description.objectValue ?? [:]
    func fail(_ text: String) -> Problem { Problem(message: "learning-rate schedule: \(text)") }
    func number(_ key: String, default standard: Double) throws -> Double {
      guard let value = fields[key], value != .null else { return standard }
      guard let number = value.doubleValue else { throw fail("`\(key)` must be a number") }
      return number
    }
    func count(_ key: String, default standard: Int) throws -> Int {
      guard let value = fields[key], value != .null else { return standard }
      guard let number = value.intValue, number > 0 else { throw fail("`\(key)` must be a positive integer") }
      return number
    }
    func list<T>(_ key: String, default standard: [T]? = nil, _ read: (JSON) -> T?) throws -> [T] {
      guard let value = fields[key], value != .null else {
        guard let standard else { throw fail("`\(key)` is missing") }
        return standard
      }
      guard let items = value.arrayValue, !items.isEmpty, items.allSatisfy({ read($0) != nil }) else {
        throw fail("`\(key)` must be a list of numbers")
      }
      return items.compactMap(read)
    }
    let name = description.stringValue ?? fields["type"]?.stringValue ?? "constant"
    let keys: Set<String>
    var schedule: LearningRateSchedule
    switch name {
    case "constant":
      keys = []
      schedule = .constant
    case "cosine":
      keys = ["period", "minimum"]
      schedule = .cosine(
        period: try count("period", default: defaultPeriod), minimum: try number("minimum", default: 0))
    case "cosine_restarts":
      keys = ["periods", "weights", "minimum"]
      let periods = try list("periods") { $0.intValue.flatMap { $0 > 0 ? $0 : nil } }
      let weights = try list("weights", default: periods.map { _ in 1.0 }) { $0.doubleValue }
      guard periods.count == weights.count else { throw fail("`weights` needs one value for each of `periods`") }
      schedule = .cosineRestarts(periods: periods, weights: weights, minimum: try number("minimum", default: 0))
    case "step":
      keys = ["size", "factor"]
      schedule = .step(size: try count("size", default: defaultPeriod), factor: try number("factor", default: 0.1))
    case "multi_step":
      keys = ["milestones", "factor"]
      schedule = .multiStep(
        milestones: try list("milestones") { $0.intValue }, factor: try number("factor", default: 0.1))
    case "multi_step_restarts":
      keys = ["milestones", "factor", "restarts", "weights"]
      let restarts = try list("restarts", default: [0]) { $0.intValue }
      let weights = try list("weights", default: restarts.map { _ in 1.0 }) { $0.doubleValue }
      guard restarts.count == weights.count else { throw fail("`weights` needs one value for each of `restarts`") }
      schedule = .multiStepRestarts(
        milestones: try list("milestones") { $0.intValue }, factor: try number("factor", default: 0.1),
        restarts: restarts, weights: weights)
    default:
      throw fail(
        "unknown type `\(name)`; choose constant, cosine, cosine_restarts, step, multi_step or multi_step_restarts")
    }
    if let unknown = fields.keys.sorted().first(where: { !keys.union(["type", "warm_up"]).contains($0) }) {
      throw fail("unknown key `\(unknown)` for type `\(name)`")
    }
    if fields["warm_up"] != nil { schedule = .warmUp(steps: try count("warm_up", default: 1), then: schedule) }
    self = schedule
  }
}
