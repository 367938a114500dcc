import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline status [FILE]`: what is done, what is to do, where gates wait, which runs are active.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say what is up to date, what is to do, and what gates wait for.")

  @Argument(help: "The pipeline file; the one that ran last when not given.", completion: .file(extensions: ["yaml"]))
  var words: [String] = []

  @OptionGroup var last: LastRunOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let context = try last.load(words)
    var options = context.options
    options.targets = try context.pipeline.selectTargets(context.words)
    let plan = try Inspection.plan(context.pipeline, store: context.store, options: options)
    let active = try context.store.runs().filter { $0.isActive && $0.pipeline == context.pipeline.name }
    let jobs = try SlurmCheck.jobs(of: context.pipeline.name, in: context.store)
    if output.json {
      Console.standardOutput(
        JSON.object([
          "schema_version": 1, "pipeline": .string(context.pipeline.name),
          "active_runs": .array(active.map { .string($0.id) }),
          "jobs": .array(jobs.map { JSON.object($0.place.members.merging(["stage": .string($0.instance)]) { $1 }) }),
          "stages": .array(plan.stages.map(\.json)),
        ]).canonical + "\n")
      return
    }
    for run in active { Console.standardOutput("run \(run.id) is active since \(run.started)\n") }
    for job in jobs { Console.standardOutput("\(job.instance): \(job.place.text)\n") }
    Console.standardOutput(PlanPrinter(json: false).text(plan))
    for stage in plan.stages {
      guard case .waiting(let status) = stage.action else { continue }
      Console.standardOutput("\n\(stage.instance): \(status.summary)\n")
      for finding in status.missing.prefix(20) { Console.standardOutput("  \(finding.name): \(finding.reason)\n") }
      for finding in status.invalid.prefix(20) { Console.standardOutput("  \(finding.name): \(finding.reason)\n") }
      for step in status.nextSteps(context.fileArguments) { Console.standardOutput("  \(step)\n") }
    }
  }
}
