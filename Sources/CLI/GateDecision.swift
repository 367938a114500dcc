import ArgumentParser
import Basics
import Foundation
import Pipeline

/// The options of `approve` and `reject`, and how they decide.
struct GateDecision: ParsableArguments {
  @Argument(
    help: "The stage with the gate; the pipeline file may stand before it.", completion: Completions.stages)
  var words: [String]

  @Option(name: .shortAndLong, help: "Why; kept with the decision.")
  var message = ""

  @Option(parsing: .singleValue, help: "Only this sample; may be repeated.")
  var sample: [String] = []

  @OptionGroup var last: LastRunOptions
  @OptionGroup var output: OutputOptions

  func take(approved: Bool) throws {
    let context = try last.load(words)
    guard let name = context.words.first else { throw ValidationError("name the stage with the gate") }
    for instance in try context.pipeline.select(name) {
      guard instance.gate != nil else {
        throw Diagnostic(
          "`\(instance.id)` has no gate",
          help: suggestion(for: name, among: context.pipeline.instances.filter { $0.gate != nil }.map(\.id)))
      }
      try decide(instance.id, approved, context)
    }
  }

  private func decide(_ id: String, _ approved: Bool, _ context: LastRunOptions.Context) throws {
    let gate = OpenGate(context: context, instance: id)
    guard let status = try gate.status() else {
      Console.standardOutput("\(id): nothing waits; its gate is open\n")
      return
    }
    let decisions = try gate.decide(status, approved: approved, samples: sample, message: message)
    let after = try gate.plan()
    if output.json {
      Console.standardOutput(
        JSON.object([
          "schema_version": 1, "stage": .string(id), "approved": .bool(approved),
          "samples": .array(decisions.map { .string($0.sample) }), "plan": after[id]?.json ?? .null,
        ]).canonical + "\n")
      return
    }
    let word = approved ? "approved" : "rejected"
    Console.standardOutput("\(id): \(counted(decisions.count, "sample")) \(word)\n")
    if case .waiting(let now)? = after[id]?.action {
      Console.standardOutput("still waiting: \(now.summary)\n")
    } else {
      Console.standardOutput("continue with:  pipeline run \(context.fileArguments)\n")
    }
  }
}
