import Basics
import Foundation
import NN

let scheduleOperations: [ParityOperation] = [
  ParityOperation("optim", "lr_schedule") { item, check in
    try item.supports(
      item.has("type") || item.has("base_lr"), "a schedule that is described by neither `type` nor `base_lr`")
    let schedule = try item.schedule(item.attributes)
    let base = try item.double("base_lr")
    let expected = try item.tensor(try item.tensors(), "out.lr")
    let rates = (0..<expected.count).map { schedule.rate(at: $0, base: base) }
    check.compare("out.lr", rates, [rates.count], expected.doubles, expected.shape, try Tolerance(item.tolerance))
  }
]

extension ParityCase {
  /// A schedule in the words of PyTorch and BasicSR: `type` and its arguments.
  /// - Throws: `ParityUnsupported` for another type, `ParityError` for arguments that are absent or wrong.
  func schedule(_ fields: JSON) throws -> LearningRateSchedule {
    func wrong(_ name: String, _ expected: String) -> ParityError {
      ParityError("schedule: `\(name)` must be \(expected), not \(fields[name]?.canonical ?? "absent")")
    }
    func count(_ name: String) throws -> Int {
      guard let value = fields[name]?.intValue, value > 0 else { throw wrong(name, "a positive integer") }
      return value
    }
    func number(_ name: String, default standard: Double? = nil) throws -> Double {
      guard let value = fields[name]?.doubleValue ?? (fields[name] == nil ? standard : nil) else {
        throw wrong(name, "a number")
      }
      return value
    }
    func list<T>(_ name: String, count: Int? = nil, _ read: (JSON) -> T?) throws -> [T] {
      let values = fields[name]?.arrayValue?.map(read) ?? []
      guard !values.isEmpty, values.allSatisfy({ $0 != nil }), count.map({ $0 == values.count }) ?? true else {
        throw wrong(name, "a list of \(count.map { "\($0) " } ?? "")numbers")
      }
      return values.compactMap { $0 }
    }
    let type = fields["type"]?.stringValue ?? ""
    switch type {
    case "StepLR": return .step(size: try count("step_size"), factor: try number("gamma", default: 0.1))
    case "CosineAnnealingLR": return .cosine(period: try count("T_max"), minimum: try number("eta_min", default: 0))
    case "CosineAnnealingRestartLR":
      let periods = try list("periods") { $0.intValue.flatMap { $0 > 0 ? $0 : nil } }
      return .cosineRestarts(
        periods: periods, weights: try list("restart_weights", count: periods.count, \.doubleValue),
        minimum: try number("eta_min", default: 0))
    case "MultiStepLR":
      return .multiStep(milestones: try list("milestones", \.intValue), factor: try number("gamma", default: 0.1))
    case "MultiStepRestartLR":
      let restarts = try list("restarts", \.intValue)
      return .multiStepRestarts(
        milestones: try list("milestones", \.intValue), factor: try number("gamma", default: 0.1), restarts: restarts,
        weights: try list("restart_weights", count: restarts.count, \.doubleValue))
    case "": throw ParityError("schedule: `type` is missing")
    default: throw ParityUnsupported("the schedule \(type)")
    }
  }

  /// The schedule that a text names as a call, such as "CosineAnnealingLR(T_max=8, eta_min=0), stepped after each step".
  /// - Returns: a constant rate where the case names none.
  func namedSchedule() throws -> LearningRateSchedule {
    guard has("schedule") else { return .constant }
    let text = try text("schedule")
    guard let open = text.firstIndex(of: "("), let close = text[open...].firstIndex(of: ")") else {
      throw ParityError("the attribute `schedule` is \"\(text)\", but must read like CosineAnnealingLR(T_max=8)")
    }
    var fields: [String: JSON] = ["type": .string(String(text[..<open]).trimmingCharacters(in: .whitespaces))]
    // Commas inside a list do not separate arguments.
    var depth = 0
    let separated = String(
      text[text.index(after: open)..<close].map { character in
        if character == "[" { depth += 1 }
        if character == "]" { depth -= 1 }
        return character == "," && depth == 0 ? ";" : character
      })
    for argument in separated.split(separator: ";") {
      let sides = argument.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      guard sides.count == 2, let value = try? JSON(parsing: Data(sides[1].utf8)) else {  // the text is quoted instead
        throw ParityError("the attribute `schedule` is \"\(text)\": \"\(argument)\" is no argument")
      }
      fields[sides[0]] = value
    }
    return try schedule(.object(fields))
  }
}
