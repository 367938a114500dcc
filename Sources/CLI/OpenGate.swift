import Basics
import Foundation
import Pipeline

/// A gate about which a person decides, from the terminal or from the page.
struct OpenGate {
  let context: LastRunOptions.Context
  let instance: String

  func plan() throws -> Plan {
    var options = context.options
    options.targets = [instance]
    return try Inspection.plan(context.pipeline, store: context.store, options: options)
  }

  /// The status of the gate while it waits; nil when it does not.
  /// - Throws: `Diagnostic` when the gate cannot be looked at yet.
  func status() throws -> GateStatus? {
    switch try plan()[instance]?.action {
    case .waiting(let found)?: return found
    case .upToDate?: return nil
    case .run?, .dependsOnResults?:
      throw Diagnostic(
        "`\(instance)` has not looked at what is there yet", help: "run `pipeline run \(context.fileArguments)` first")
    case .blocked(let by)?: throw Diagnostic("`\(instance)` waits behind `\(by)`")
    case .impossible(let problem)?:
      throw Diagnostic("`\(instance)` cannot be looked at: \(problem.message)", help: problem.help)
    case nil: throw Diagnostic("there is no stage `\(instance)`")
    }
  }

  /// Writes down what a person says about samples.
  /// - Parameter samples: only these; all that wait when empty.
  /// - Throws: `Diagnostic` for a sample that is not there.
  func decide(
    _ status: GateStatus, approved: Bool, samples: [String], message: String
  ) throws -> [ApprovalDecision] {
    // Approving says something about what nobody has decided; rejecting also takes back an approval.
    var names = approved ? status.unapproved + status.rejected.map(\.name) : Array(status.contents.keys)
    if approved {
      names = names.filter { name in samples.contains(name) || !status.rejected.contains { $0.name == name } }
    }
    if !samples.isEmpty {
      for name in samples where status.contents[name] == nil {
        throw Diagnostic(
          "sample `\(name)` is not there to decide about",
          help: suggestion(for: name, among: Array(status.contents.keys)))
      }
      names = names.filter(samples.contains)
    }
    let time = Date().formatted(.iso8601)
    let user = ProcessInfo.processInfo.environment["USER"] ?? ""
    let decisions = names.sorted(by: naturallyPrecedes).compactMap { name in
      status.contents[name].map {
        ApprovalDecision(sample: name, content: $0, isApproved: approved, message: message, by: user, time: time)
      }
    }
    if !decisions.isEmpty {
      try Approvals(store: context.store).add(decisions, pipeline: context.pipeline.name, instance: instance)
    }
    return decisions
  }
}
