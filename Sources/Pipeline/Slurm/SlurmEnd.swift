import Foundation

/// The verdict on a job that has ended without a record of its own.
enum SlurmEnd: Hashable, Sendable {
  /// Nothing is wrong with the work: submit it once more.
  case again(String)
  /// Its time was up before the work was done.
  case round(String)
  case failed(WorkerEvent.Failure)

  struct Facts: Hashable, Sendable {
    var id: String
    /// As the queue or the accounting calls it; nil when neither knows the job.
    var state: String?
    var details: SlurmDetails?
    /// The last lines of the job's log.
    var log: [String]
    /// Whether the worker had saved its work.
    var isSaved: Bool
    /// Whether this run has seen it in the queue before it ended.
    var wasAlive: Bool
    var resources: StageResources
    var stage: String
    var program: String
  }

  init(_ facts: Facts) {
    let node = facts.details.map(\.nodes).flatMap { $0.isEmpty ? nil : " on \($0)" } ?? ""
    let job = "Slurm job \(facts.id)"
    let ending = facts.details?.ending
    guard let state = facts.state else {
      self = .round("\(job) left the queue without a trace")
      return
    }
    let text = "\(job) ended as \(state)\(ending.map { " (\($0))" } ?? "")\(node)"
    if state == "OUT_OF_MEMORY" || facts.log.contains(where: Self.isAboutMemory) {
      let asked = facts.resources.memory.map { "it had asked for \(byteText($0))" } ?? "it had not asked for any"
      self = .failed(
        .init(
          kind: .failure, message: "\(job) was ended\(node) because memory ran out; \(asked)",
          help: "raise `resources: { memory: ... }` on `\(facts.stage)`"))
      return
    }
    switch state {
    case "NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED", "RECONFIG_FAIL": self = .again(text)
    case "TIMEOUT": self = .round(text)
    case "CANCELLED" where !facts.wasAlive: self = .again("\(job) was cancelled while no run watched it")
    case "CANCELLED":
      self = .failed(
        .init(
          kind: .failure, message: "\(job) was cancelled\(node)",
          help: "run the same command again to go on; finished samples and checkpoints are kept"))
    case "DEADLINE":
      self = .failed(
        .init(kind: .failure, message: text, help: "it did not start before its --deadline; submit it with a later one")
      )
    default:
      // Told to end, by a person or by Slurm itself, it did what it is meant to do.
      if facts.isSaved {
        self = .round(text)
        return
      }
      let said = facts.log.isEmpty ? "" : "\n" + facts.log.map { "  " + $0 }.joined(separator: "\n")
      let help =
        ending == "exit code 127" || ending == "exit code 126"
        ? "every node must be able to run \(facts.program), under this path, and reach the store"
        : "the log may say more; `scontrol show job \(facts.id)` what Slurm knows"
      self = .failed(.init(kind: .failure, message: "\(text) and left no record of its work\(said)", help: help))
    }
  }

  private static func isAboutMemory(_ line: String) -> Bool {
    let text = line.lowercased()
    return ["exceeded memory limit", "exceeded job memory limit", "oom-kill", "oom_kill", "out of memory"].contains {
      text.contains($0)
    }
  }
}
