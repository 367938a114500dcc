import Basics
import Foundation

/// How a plan is made. Nothing here changes any result.
public struct PlanOptions: Sendable {
  /// Instance ids; empty for the file's targets.
  public var targets: [String]
  public var force: Set<String>
  public var salt: String?
  public var outputsFolder: String

  public init(targets: [String] = [], force: Set<String> = [], salt: String? = nil, outputsFolder: String) {
    self.targets = targets
    self.force = force
    self.salt = salt
    self.outputsFolder = outputsFolder
  }
}

/// Questions about a pipeline that change nothing.
public enum Planning {
  private static func planner(
    _ pipeline: ResolvedPipeline, _ store: Store, _ options: PlanOptions
  ) throws -> Planner {
    try Planner(
      pipeline: pipeline, store: store, salt: options.salt, threads: MachineResources.cpus,
      outputsFolder: options.outputsFolder + "/" + fileName(for: pipeline.name))
  }

  /// What a run would do.
  /// - Throws: `StageFailure` or `FileProblem` when the store cannot be read.
  public static func plan(_ pipeline: ResolvedPipeline, store: Store, options: PlanOptions) throws -> Plan {
    let planner = try planner(pipeline, store, options)
    let graph = Graph(pipeline.instances)
    let targets = options.targets.isEmpty ? pipeline.targets : options.targets
    let wanted = graph.ancestors(of: targets.compactMap { pipeline.position(of: $0) })
    let dryRun = DryRun(
      planner: planner, latest: try LatestResults(pipeline: pipeline.name, store: store).keys, forced: options.force)
    let plan = dryRun.plan(Set(wanted.map { pipeline.instances[$0].id }))
    // What was hashed to find out is worth keeping, where it can be kept.
    if FileSystem.exists(store.root) {
      try? store.files.save { try store.write($0, to: store.root + "/index/files", syncFolder: false) }
    }
    return plan
  }

  /// The last result of an instance in a pipeline; nil when there is none.
  public static func latestResult(_ instance: String, pipeline: String, store: Store) throws -> StageResult? {
    try LatestResults(pipeline: pipeline, store: store).keys[instance].flatMap { try store.result($0) }
  }
}
