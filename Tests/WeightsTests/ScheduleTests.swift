import Basics
import NN
import Testing

@Suite struct ScheduleTests {
  @Test("a restart comes one step after the cumulative period") func restarts() {
    let schedule = LearningRateSchedule.cosineRestarts(periods: [4, 4], weights: [1, 0.5], minimum: 0.1)
    #expect(abs(schedule.rate(at: 4, base: 1) - 0.1) < 1e-15)
    #expect(schedule.rate(at: 5, base: 1) < 0.1 + 0.5 * 0.9)
    #expect(schedule.rate(at: 5, base: 1) > 0.4)
  }

  @Test("warm-up rises to the inner schedule") func warmUp() throws {
    let schedule = try LearningRateSchedule(
      description: ["type": "step", "size": 10, "factor": 0.5, "warm_up": 4], defaultPeriod: 100)
    #expect((0..<4).map { schedule.rate(at: $0, base: 2) } == [0.5, 1, 1.5, 2])
    #expect(schedule.rate(at: 10, base: 2) == 1)
  }

  static let broken: [(JSON, String)] = [
    (["type": "cosin"], "unknown type `cosin`"), (["type": "cosine", "perod": 3], "unknown key `perod`"),
    (["type": "multi_step"], "`milestones` is missing"), (["type": "step", "size": 0], "positive integer"),
    (["type": "cosine_restarts", "periods": [3, 4], "weights": [1]], "one value for each"),
  ]

  @Test("says what is wrong with a description", arguments: broken)
  func problems(_ description: JSON, _ text: String) {
    let error = #expect(throws: LearningRateSchedule.Problem.self) {
      try LearningRateSchedule(description: description, defaultPeriod: 10)
    }
    #expect(error?.description.contains(text) == true)
  }
}
