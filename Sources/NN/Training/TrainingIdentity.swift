import Basics

/// Everything that a checkpoint must share with the run that resumes from it, as canonical JSON, field by field: names and
/// values stay readable for later versions, whatever the Swift types are called by then.
///
/// Version 1. A field that is added later enters only where its value is not the one that all runs had before; anything else
/// is a new version, with which unfinished trainings start anew.
package struct TrainingIdentity: Hashable, Sendable {
  package let json: JSON

  /// - Parameters:
  ///   - data: names the data besides the examples' names.
  package init(_ configuration: TrainerConfiguration, data: String, training: [String], validation: [String]) {
    json = [
      "version": 1, "configuration": configuration.json, "data": .string(data),
      "training": .string(Digest.of(training.joined(separator: "\n")).hex),
      "validation": .string(Digest.of(validation.joined(separator: "\n")).hex),
    ]
  }

  init(json: JSON) { self.json = json }

  /// The fields in which two runs differ, such as `configuration.learning_rate`.
  package func differences(from other: TrainingIdentity) -> [String] {
    func compare(_ a: JSON?, _ b: JSON?, _ path: String) -> [String] {
      if a == b { return [] }
      guard let x = a?.objectValue, let y = b?.objectValue else { return [path] }
      return Set(x.keys).union(y.keys).sorted().flatMap { key in
        compare(x[key], y[key], path.isEmpty ? key : "\(path).\(key)")
      }
    }
    return compare(json, other.json, "")
  }
}

extension TrainerConfiguration {
  /// Without the interval of checkpoints and the limit of the cache, which change no result.
  var json: JSON {
    [
      "epochs": .int(epochs), "batch": .int(batch), "accumulation": .int(accumulation), "repeats": .int(repeats),
      "rule": rule.json, "epsilon": .double(epsilon), "learning_rate": .double(learningRate),
      "groups": .array(groups.map(\.json)), "schedule": schedule.json,
      "schedule_unit": .string(scheduleUnit.rawValue), "loss": loss.json, "clipping": clipping.json,
      "average_decay": .optional(averageDecay), "augmentation": augmentation.json, "best": .string(best.rawValue),
      "validation_interval": .int(validationInterval), "validation_patch": .optional(validationPatch),
      "seed": .string(String(seed)),
    ]
  }
}

extension JSON {
  fileprivate static func optional(_ value: Double?) -> JSON { value.map(JSON.double) ?? .null }
  fileprivate static func optional(_ value: Int?) -> JSON { value.map(JSON.int) ?? .null }
  fileprivate static func optional(_ range: ClosedRange<Double>?) -> JSON {
    range.map { [.double($0.lowerBound), .double($0.upperBound)] } ?? .null
  }
  fileprivate static func numbers(_ values: [Int]) -> JSON { .array(values.map(JSON.int)) }
  fileprivate static func numbers(_ values: [Double]) -> JSON { .array(values.map(JSON.double)) }
}

extension TrainerConfiguration.Rule {
  fileprivate var json: JSON {
    switch self {
    case .adamW(let beta1, let beta2, let decay):
      ["type": "adamw", "beta1": .double(beta1), "beta2": .double(beta2), "weight_decay": .double(decay)]
    case .adam(let beta1, let beta2, let decay):
      ["type": "adam", "beta1": .double(beta1), "beta2": .double(beta2), "weight_decay": .double(decay)]
    case .sgd(let momentum, let nesterov, let decay):
      ["type": "sgd", "momentum": .double(momentum), "nesterov": .bool(nesterov), "weight_decay": .double(decay)]
    }
  }
}

extension ParameterGroup {
  fileprivate var json: JSON {
    [
      "match": .array(match.map(JSON.string)), "learning_rate": .optional(learningRate),
      "weight_decay": .optional(weightDecay),
    ]
  }
}

extension GradientClipping {
  fileprivate var json: JSON {
    switch self {
    case .none: .null
    case .norm(let limit, let order): ["type": "norm", "limit": .double(limit), "order": .double(order)]
    case .value(let limit): ["type": "value", "limit": .double(limit)]
    }
  }
}

extension Augmentation {
  fileprivate var json: JSON {
    [
      "patch": .optional(patch), "least_mask": .double(leastMask), "flips_horizontally": .bool(flipsHorizontally),
      "flips_vertically": .bool(flipsVertically), "turns": .bool(turns), "brightness": .optional(brightness),
      "contrast": .optional(contrast),
    ]
  }
}

extension LearningRateSchedule {
  fileprivate var json: JSON {
    switch self {
    case .constant: ["type": "constant"]
    case .cosine(let period, let minimum): ["type": "cosine", "period": .int(period), "minimum": .double(minimum)]
    case .cosineRestarts(let periods, let weights, let minimum):
      [
        "type": "cosine_restarts", "periods": .numbers(periods), "weights": .numbers(weights),
        "minimum": .double(minimum),
      ]
    case .step(let size, let factor): ["type": "step", "size": .int(size), "factor": .double(factor)]
    case .multiStep(let milestones, let factor):
      ["type": "multi_step", "milestones": .numbers(milestones), "factor": .double(factor)]
    case .multiStepRestarts(let milestones, let factor, let restarts, let weights):
      [
        "type": "multi_step_restarts", "milestones": .numbers(milestones), "factor": .double(factor),
        "restarts": .numbers(restarts), "weights": .numbers(weights),
      ]
    case .warmUp(let steps, let inner): ["type": "warm_up", "steps": .int(steps), "then": inner.json]
    }
  }
}
