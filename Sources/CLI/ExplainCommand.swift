import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline explain [FILE] STAGE[@x][:sample]`: why it runs or does not.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say why a stage or one of its samples runs, or does not.",
    discussion: "Names every field of the key that differs from the last result, with its old and new value.")

  @Argument(
    help: "A stage, such as train@bicubic or maps:face 7; the pipeline file may stand before it.",
    completion: Completions.stages)
  var words: [String]

  @Flag(help: "Print the whole key.")
  var key = false

  @OptionGroup var last: LastRunOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let context = try last.load(words)
    guard let word = context.words.first else { throw ValidationError("name a stage to explain") }
    let colon = word.firstIndex(of: ":")
    let name = colon.map { String(word[..<$0]) } ?? word
    let sample = colon.map { String(word[word.index(after: $0)...]) }
    for instance in try context.pipeline.select(name) {
      if let sample { try explain(sample, of: instance.id, context) } else { try explain(instance.id, context) }
    }
  }

  private func explain(_ id: String, _ context: LastRunOptions.Context) throws {
    let found = try Inspection.explain(id, in: context.pipeline, store: context.store, options: context.options)
    if output.json {
      var members = found.plan.json.objectValue ?? [:]
      members["key"] = found.key.map { .string($0.hex) } ?? .null
      members["preimage"] = found.preimage ?? .null
      members["schema_version"] = 1
      Console.standardOutput(JSON.object(members).canonical + "\n")
      return
    }
    var text = "\(id): "
    switch found.plan.action {
    case .upToDate: text += "up to date; nothing that enters its key differs from its result\n"
    case .run: text += "runs\n"
    case .dependsOnResults: text += "runs unless the results it reads come out the same as before\n"
    case .waiting(let status): text += "waits at its gate: \(status.summary)\n"
    case .blocked(let by): text += "waits behind \(by)\n"
    case .impossible(let problem): text += "cannot run: \(problem)\n"
    }
    for reason in found.plan.reasons { text += "  \(reason.text)\n" }
    if let samples = found.plan.samples {
      text += "  \(samples.toRun) of \(counted(samples.total, "sample")) to run\n"
    }
    if let digest = found.key { text += "  key \(digest.hex)\n" }
    if key, let preimage = found.preimage { text += preimage.pretty + "\n" }
    Console.standardOutput(text)
  }

  private func explain(_ sample: String, of id: String, _ context: LastRunOptions.Context) throws {
    let found = try Inspection.explain(
      sample: sample, of: id, in: context.pipeline, store: context.store, options: context.options)
    if output.json {
      Console.standardOutput(
        JSON.object([
          "schema_version": 1, "stage": .string(id), "sample": .string(sample), "key": .string(found.key.hex),
          "up_to_date": .bool(found.isUpToDate), "problem": found.problem.map(JSON.string) ?? .null,
          "changes": .array(found.differences.map { ["field": .string($0.field), "text": .string($0.text)] }),
        ]).canonical + "\n")
      return
    }
    var text = "\(id), sample \(sample): \(found.isUpToDate ? "up to date" : "runs")\n"
    for difference in found.differences { text += "  \(difference.text)\n" }
    if let problem = found.problem { text += "  left out: \(problem)\n" }
    text += "  key \(found.key.hex)\n"
    if key { text += found.preimage.pretty + "\n" }
    Console.standardOutput(text)
  }
}
