import Basics
import NN
import Pipeline

/// The schedule of the learning rate in a pipeline file: the name of a form, or a map with the numbers of the form. The key
/// holds it as it is written.
struct ScheduleChoice: ParameterValue {
  private(set) var description: JSON = "cosine"

  init() {}

  private static let warmUp = ParameterDescription(
    name: "warm_up", type: .optional(.int(1...Int.max)), doc: "Steps in which the rate rises to the form's.",
    defaultValue: .null)

  private static func length(_ name: String, _ doc: String) -> ParameterDescription {
    ParameterDescription(
      name: name, type: .optional(.int(1...Int.max)), doc: "\(doc) none: the whole training.", defaultValue: .null)
  }
  private static func number(_ name: String, _ value: Double, _ doc: String) -> ParameterDescription {
    ParameterDescription(name: name, type: .double(nil), doc: doc, defaultValue: .double(value))
  }
  private static func steps(_ name: String, _ doc: String, standard: JSON? = nil) -> ParameterDescription {
    ParameterDescription(name: name, type: .list(.int(0...Int.max)), doc: doc, defaultValue: standard)
  }
  private static func weights(_ name: String, _ doc: String) -> ParameterDescription {
    ParameterDescription(
      name: name, type: .optional(.list(.double(nil))), doc: "\(doc) none: 1 for each.", defaultValue: .null)
  }
  private static let minimum = number("minimum", 0, "The smallest rate.")
  private static let factor = number("factor", 0.1, "Multiplies the rate.")
  private static let milestones = steps("milestones", "Steps after which the rate is multiplied.")

  private static let parameters = TaggedParameters(
    tag: "type", doc: "the form of the schedule",
    cases: [
      .init("constant", "The rate stays as it is.", fields: [warmUp]),
      .init(
        "cosine", "Half a cosine down to the smallest rate.",
        fields: [length("period", "Steps of the half cosine;"), minimum, warmUp]),
      .init(
        "cosine_restarts", "Half cosines one after the other.",
        fields: [
          steps("periods", "Steps of each half cosine."), weights("weights", "Factor of the rate in each."), minimum,
          warmUp,
        ]),
      .init(
        "step", "Multiplied every so many steps.",
        fields: [length("size", "Steps from one multiplication to the next;"), factor, warmUp]),
      .init("multi_step", "Multiplied at milestones.", fields: [milestones, factor, warmUp]),
      .init(
        "multi_step_restarts", "Multiplied at milestones, and begun again at restarts.",
        fields: [
          milestones, factor, steps("restarts", "Steps at which it begins again.", standard: [0]),
          weights("weights", "Factor of the rate after each restart."), warmUp,
        ]),
    ], standard: "constant", isNameEnough: true)

  static var parameterType: ParameterType { .tagged(parameters) }

  init(parameter node: Pipeline.Node) throws {
    _ = try Self.parameters.check(node)
    description = try JSON(parameter: node)
    do {
      _ = try LearningRateSchedule(description: description, defaultPeriod: 1)
    } catch let problem as LearningRateSchedule.Problem {
      throw ParameterProblems(problem.description, at: node)
    }
  }

  var parameterJSON: JSON? { description }
}
