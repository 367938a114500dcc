import Foundation

/// The checks of Slurm for `pipeline doctor` and `pipeline status`.
public enum SlurmCheck {
  /// One thing that was looked at.
  public struct Finding: Hashable, Sendable {
    public var isGood: Bool
    public var name: String
    public var text: String
  }

  /// Before a run that needs them.
  /// - Throws: `Diagnostic` when one of the programs is not on PATH.
  public static func requirePrograms() throws {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for name in ["sbatch", "squeue", "scontrol"] {
      if folders.contains(where: { access("\($0)/\(name)", X_OK) == 0 }) { continue }
      throw Diagnostic(
        "`\(name)` is not on PATH, and the stages are to run as Slurm jobs",
        help:
          "run this on a node that can submit jobs (`module load slurm` where that is needed), or with `--executor local`"
      )
    }
  }

  /// Whether the programs are here, and whether the controller answers.
  public static func all() -> [Finding] {
    let commands = SlurmCommands(timeout: 20)
    let version = commands.version()
    guard version.status == 0 else {
      return [Finding(isGood: false, name: "slurm", text: "\(version.message); jobs are submitted where sbatch is")]
    }
    let name = version.output.trimmingCharacters(in: .whitespacesAndNewlines)
    let found = Finding(isGood: true, name: "slurm", text: name)
    switch commands.look() {
    case .jobs(let jobs):
      let living = jobs.count { !$0.hasEnded }
      return [found, Finding(isGood: true, name: "queue", text: "answers; \(living) jobs of yours are in it")]
    case .silent(let text): return [found, Finding(isGood: false, name: "queue", text: "does not answer: \(text)")]
    }
  }

  /// Where the jobs of a pipeline stand that nobody has seen the end of. Asks the queue only if there are any.
  public static func jobs(of pipeline: String, in store: Store) throws -> [(instance: String, place: QueuePlace)] {
    let open = try SlurmSubmission.open(in: store).compactMap { submission -> (SlurmSubmission, String)? in
      guard let intent = try submission.intent(), intent.pipeline == pipeline else { return nil }
      return (submission, intent.instance)
    }
    if open.isEmpty { return [] }
    let look = SlurmCommands(timeout: 20).look()
    return try open.map { submission, instance in
      let id = try submission.id() ?? ""
      if submission.hasOutcome {
        return (instance, QueuePlace(job: id, state: "ENDED", reason: "run again to see how"))
      }
      switch look {
      case .silent: return (instance, QueuePlace(job: id, state: "UNKNOWN", reason: "Slurm does not answer"))
      case .jobs(let jobs):
        guard let job = jobs.first(where: { id.isEmpty ? $0.folder == submission.folder : $0.id == id }) else {
          return (instance, QueuePlace(job: id, state: "UNKNOWN", reason: "not in the queue"))
        }
        return (instance, QueuePlace(job: job.id, state: job.state, reason: job.reason, node: job.nodes))
      }
    }
  }
}
