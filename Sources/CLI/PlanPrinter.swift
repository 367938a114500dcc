import Basics
import Pipeline

/// A plan as text or JSON.
struct PlanPrinter {
  var json: Bool

  func print(_ plan: Plan) {
    if json {
      Console.standardOutput(
        JSON.object(["schema_version": 1, "stages": .array(plan.stages.map(\.json))]).canonical + "\n")
    } else {
      Console.standardOutput(text(plan))
    }
  }

  func text(_ plan: Plan) -> String {
    if plan.isUpToDate { return "Nothing to do: \(counted(plan.stages.count, "stage")) up to date.\n" }
    var text = ""
    let width = plan.stages.map(\.instance.count).max() ?? 0
    for stage in plan.stages {
      let samples = samples(stage)
      let name = samples.isEmpty ? stage.instance : stage.instance.padding(toLength: width, withPad: " ", startingAt: 0)
      text += "\(Self.word(stage.action))  \(name)\(samples)\n"
      for line in details(stage) { text += "                \(line)\n" }
    }
    return text + summary(plan)
  }

  static func word(_ action: Plan.Stage.Action) -> String {
    let word =
      switch action {
      case .upToDate: "up to date"
      case .run: "run"
      case .dependsOnResults: "run if new"
      case .waiting: "waiting"
      case .blocked: "behind gate"
      case .impossible: "cannot run"
      }
    return word.padding(toLength: 11, withPad: " ", startingAt: 0)
  }

  private func samples(_ stage: Plan.Stage) -> String {
    guard let samples = stage.samples else { return "" }
    let names = samples.toRun > 0 && samples.toRun <= 5 ? ": " + stage.sampleNames.joined(separator: ", ") : ""
    return "  \(samples.toRun) of \(counted(samples.total, "sample"))\(names)"
  }

  private func details(_ stage: Plan.Stage) -> [String] {
    switch stage.action {
    case .waiting(let status): [status.summary]
    case .blocked(let by): ["waits for \(by)"]
    case .impossible(let problem): problem.description.split(separator: "\n").map(String.init)
    default: stage.reasons.map(\.text) + (stage.thenWaits.map { ["then waits: \($0.summary)"] } ?? [])
    }
  }

  private func summary(_ plan: Plan) -> String {
    let run = plan.stages.count { $0.action == .run }
    let maybe = plan.stages.count { $0.action == .dependsOnResults }
    let done = plan.stages.count { $0.action == .upToDate }
    var parts = ["\(run) to run"]
    if maybe > 0 { parts.append("\(maybe) if results differ") }
    parts.append("\(done) up to date")
    let waiting = plan.stages.count {
      if case .waiting = $0.action { true } else { $0.thenWaits != nil }
    }
    if waiting > 0 { parts.append("\(waiting) waiting at a gate") }
    return parts.joined(separator: ", ") + "\n"
  }
}
