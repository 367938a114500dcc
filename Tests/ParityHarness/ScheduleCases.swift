import Basics
import NN

let scheduleOperations: [ParityOperation] = [
  ParityOperation("optim", "lr_schedule") { item, check in
    let schedule = try item.schedule()
    let base = try item.double("base_lr")
    let expected = try item.tensor(try item.tensors(), "out.lr")
    let rates = (0..<expected.count).map { schedule.rate(at: $0, base: base) }
    check.compare("out.lr", rates, [rates.count], expected.doubles, expected.shape, try Tolerance(item.tolerance))
  }
]

extension ParityCase {
  /// The schedule in the words of PyTorch and BasicSR.
  func schedule() throws -> LearningRateSchedule {
    func doubles(_ name: String) -> [Double] { (attributes[name]?.arrayValue ?? []).compactMap(\.doubleValue) }
    switch attributes["type"]?.stringValue {
    case "StepLR": return .step(size: try int("step_size"), factor: try double("gamma"))
    case "CosineAnnealingLR": return .cosine(period: try int("T_max"), minimum: try double("eta_min"))
    case "CosineAnnealingRestartLR":
      return .cosineRestarts(
        periods: try ints("periods"), weights: doubles("restart_weights"), minimum: try double("eta_min"))
    case "MultiStepLR": return .multiStep(milestones: try ints("milestones"), factor: try double("gamma"))
    case "MultiStepRestartLR":
      return .multiStepRestarts(
        milestones: try ints("milestones"), factor: try double("gamma"), restarts: try ints("restarts"),
        weights: doubles("restart_weights"))
    default: throw ParityError("\(id): unknown schedule")
    }
  }
}
