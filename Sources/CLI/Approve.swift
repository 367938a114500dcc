import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline approve [FILE] STAGE -m TEXT`: opens a gate for the content that is there now.
struct Approve: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Approve what waits at a gate.",
    discussion: "Bound to content: a sample that is new or changes later is asked about again, the others are not.")

  @OptionGroup var decision: GateDecision

  func run() throws { try decision.take(approved: true) }
}

/// `pipeline reject [FILE] STAGE -m TEXT`: keeps a gate closed until other content is there. Deletes nothing.
struct Reject: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject", abstract: "Reject what waits at a gate; nothing is deleted.")

  @OptionGroup var decision: GateDecision

  func run() throws { try decision.take(approved: false) }
}

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
    var options = context.options
    options.targets = [id]
    let plan = try Planning.plan(context.pipeline, store: context.store, options: options)
    let status: GateStatus
    switch plan[id]?.action {
    case .waiting(let found)?: status = found
    case .upToDate?:
      Console.standardOutput("\(id): nothing waits; its gate is open\n")
      return
    case .run?, .dependsOnResults?:
      throw Diagnostic(
        "`\(id)` has not looked at what is there yet", help: "run `pipeline run \(context.fileArguments)` first")
    case .blocked(let by)?: throw Diagnostic("`\(id)` waits behind `\(by)`")
    case .impossible(let reason)?: throw Diagnostic("`\(id)` cannot be looked at: \(reason)")
    case nil: throw Diagnostic("there is no stage `\(id)`")
    }
    // Approving says something about what nobody has decided; rejecting also takes back an approval.
    var names = approved ? status.unapproved + status.rejected.map(\.name) : Array(status.contents.keys)
    if approved {
      names = names.filter { name in sample.contains(name) || !status.rejected.contains { $0.name == name } }
    }
    if !sample.isEmpty {
      for name in sample where status.contents[name] == nil {
        throw Diagnostic(
          "sample `\(name)` is not there to decide about",
          help: suggestion(for: name, among: Array(status.contents.keys)))
      }
      names = names.filter(sample.contains)
    }
    let time = Date().formatted(.iso8601)
    let user = ProcessInfo.processInfo.environment["USER"] ?? ""
    let decisions = names.sorted(by: naturallyPrecedes).compactMap { name in
      status.contents[name].map {
        ApprovalDecision(sample: name, content: $0, isApproved: approved, message: message, by: user, time: time)
      }
    }
    if !decisions.isEmpty {
      try Approvals(store: context.store).add(decisions, pipeline: context.pipeline.name, instance: id)
    }
    let after = try Planning.plan(context.pipeline, store: context.store, options: options)
    if output.json {
      Console.standardOutput(
        JSON.object([
          "schema_version": 1, "stage": .string(id), "approved": .bool(approved),
          "samples": .array(decisions.map { .string($0.sample) }), "plan": after[id]?.json ?? .null,
        ]).canonical + "\n")
      return
    }
    let word = approved ? "approved" : "rejected"
    Console.standardOutput("\(id): \(Validate.count(decisions.count, "sample")) \(word)\n")
    if case .waiting(let now)? = after[id]?.action {
      Console.standardOutput("still waiting: \(now.summary)\n")
    } else {
      Console.standardOutput("continue with:  pipeline run \(context.fileArguments)\n")
    }
  }
}
