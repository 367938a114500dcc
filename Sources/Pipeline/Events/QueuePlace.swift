import Basics

/// Where a job of a batch system stands.
public struct QueuePlace: Hashable, Sendable {
  public var job: String
  /// As the batch system spells it, such as `PENDING` or `RUNNING`.
  public var state: String
  /// Why it waits, such as `Resources`.
  public var reason: String
  /// Where it runs.
  public var node: String
  /// How often it has gone back into the queue.
  public var restarts: Int
  /// Submitted by an earlier run, or by another.
  public var isAdopted: Bool

  public init(
    job: String, state: String, reason: String = "", node: String = "", restarts: Int = 0, isAdopted: Bool = false
  ) {
    self.job = job
    self.state = state
    self.reason = reason
    self.node = node
    self.restarts = restarts
    self.isAdopted = isAdopted
  }

  public var isRunning: Bool { state == "RUNNING" }

  /// `queued in Slurm (job 12, Resources)`, `on n1 (Slurm job 12)`
  public var text: String {
    if isRunning { return node.isEmpty ? "running in Slurm (job \(job))" : "on \(node) (Slurm job \(job))" }
    let known = ["PENDING": "queued", "CONFIGURING": "starting", "COMPLETING": "ending"]
    let details = ["job \(job)", reason].filter { !$0.isEmpty }.joined(separator: ", ")
    return "\(known[state] ?? state.lowercased()) in Slurm (\(details))"
  }

  package var members: [String: JSON] {
    [
      "job": .string(job), "state": .string(state), "reason": .string(reason), "node": .string(node),
      "restarts": .int(restarts), "adopted": .bool(isAdopted),
    ]
  }

  /// - Throws: `RecordProblem` naming the field that is missing or of another type.
  package init(_ fields: RecordFields) throws {
    self.init(
      job: try fields.read("job"), state: try fields.read("state"), reason: try fields.read("reason"),
      node: try fields.read("node"), restarts: try fields.read("restarts"), isAdopted: try fields.read("adopted"))
  }
}
