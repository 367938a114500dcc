import Basics
import Foundation

/// How a plan is made. Only `salt` enters keys, as in the run that the plan is for.
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

/// Answers questions about a pipeline without running any of it. All that it writes is `index/files`: the digests of files
/// that had to be hashed for an answer.
public enum Inspection {
  static func evaluator(
    _ pipeline: ResolvedPipeline, _ store: Store, _ options: PlanOptions
  ) throws -> InstanceEvaluator {
    try InstanceEvaluator(
      pipeline: pipeline, store: store, salt: options.salt, threads: MachineResources.cpus,
      outputsFolder: options.outputsFolder + "/" + fileName(for: pipeline.name))
  }

  /// The actions that a run would take.
  /// - Throws: `StageFailure` or `FileProblem` when the store cannot be read.
  public static func plan(_ pipeline: ResolvedPipeline, store: Store, options: PlanOptions) throws -> Plan {
    try store.distrustEditedLinks(threads: MachineResources.cpus)
    let evaluator = try evaluator(pipeline, store, options)
    let graph = Graph(pipeline.instances)
    let targets = options.targets.isEmpty ? pipeline.targets : options.targets
    let wanted = graph.ancestors(of: targets.compactMap { pipeline.position(of: $0) })
    let planner = Planner(
      evaluator: evaluator, latest: try LatestResults(pipeline: pipeline.name, store: store).keys, forced: options.force
    )
    let plan = planner.plan(Set(wanted.map { pipeline.instances[$0].id }))
    // Digests computed on the way are worth keeping, where they can be kept.
    if FileSystem.exists(store.root) {
      try? store.files.save { try store.write($0, to: store.root + "/index/files", sync: .bytes) }
    }
    return plan
  }

  /// The last result of an instance in a pipeline; nil when there is none.
  public static func latestResult(_ instance: String, pipeline: String, store: Store) throws -> StageResult? {
    try LatestResults(pipeline: pipeline, store: store).keys[instance].flatMap { try store.result($0) }
  }
}

extension Inspection {
  /// Why an instance has the key it has: what differs from the last result in this pipeline.
  public struct StageExplanation: Sendable {
    public var instance: String
    /// Nil while something upstream has to run first.
    public var key: Digest?
    public var preimage: JSON?
    public var plan: Plan.Stage
  }

  public static func explain(
    _ instance: String, in pipeline: ResolvedPipeline, store: Store, options: PlanOptions
  ) throws -> StageExplanation {
    var options = options
    options.targets = [instance]
    let plan = try plan(pipeline, store: store, options: options)
    guard let stage = plan[instance], let definition = pipeline[instance] else {
      throw StageFailure("there is no stage instance `\(instance)`")
    }
    guard let resolution = try resolution(definition, pipeline, store, options) else {
      return StageExplanation(
        instance: instance, key: nil, preimage: nil,
        plan: try withOwnChanges(stage, definition, pipeline, store, options))
    }
    return StageExplanation(
      instance: instance, key: resolution.key.digest, preimage: resolution.key.preimage, plan: stage)
  }

  /// The resolution of an instance when all it reads from is up to date; nil otherwise.
  private static func resolution(
    _ instance: StageInstance, _ pipeline: ResolvedPipeline, _ store: Store, _ options: PlanOptions
  ) throws -> StageResolution? {
    let evaluator = try evaluator(pipeline, store, options)
    var results: [String: StageResult] = [:]
    for upstream in ancestors(of: instance, in: pipeline) {
      let inputs = try evaluator.inputs(of: upstream) { results[$0] }
      guard case .upToDate(let result) = try evaluator.evaluate(upstream, inputs: inputs, forced: false) else {
        return nil
      }
      results[upstream.id] = result
    }
    return try evaluator.resolver.resolve(instance, inputs: try evaluator.inputs(of: instance) { results[$0] })
  }

  private static func ancestors(of instance: StageInstance, in pipeline: ResolvedPipeline) -> [StageInstance] {
    let graph = Graph(pipeline.instances)
    guard let position = pipeline.position(of: instance.id) else { return [] }
    return graph.ancestors(of: [position]).subtracting([position]).sorted().map { pipeline.instances[$0] }
  }

  /// Upstream work is still to come, but parameters, seed and version can be compared already.
  private static func withOwnChanges(
    _ stage: Plan.Stage, _ instance: StageInstance, _ pipeline: ResolvedPipeline, _ store: Store, _ options: PlanOptions
  ) throws -> Plan.Stage {
    guard let last = try? latestResult(instance.id, pipeline: pipeline.name, store: store),  // then nothing to compare
      case .object(var old) = last.preimage
    else { return stage }
    let new = try evaluator(pipeline, store, options).resolver.baseKey(instance)
    for name in ["inputs", "sources", "external", "scope", "on_bad_sample"] { old[name] = nil }
    var result = stage
    result.reasons = KeyDifference.between(.object(old), .object(new)).map { .changed($0) } + stage.reasons
    return result
  }

  /// One sample and its fate: its result, or the differences from its last one.
  public struct SampleExplanation: Sendable {
    public var sample: String
    public var key: Digest
    public var isUpToDate: Bool
    public var differences: [KeyDifference]
    /// Why the sample is left out.
    public var problem: String?
    public var preimage: JSON
  }

  /// - Throws: `StageFailure` when the instance does not map over samples, its inputs are not up to date, or there is no
  ///   such sample.
  public static func explain(
    sample name: String, of id: String, in pipeline: ResolvedPipeline, store: Store, options: PlanOptions
  ) throws -> SampleExplanation {
    guard let instance = pipeline[id], var resolution = try resolution(instance, pipeline, store, options) else {
      throw StageFailure("`\(id)` reads from stages that have to run first", help: "see `pipeline plan`")
    }
    guard let group = resolution.group else { throw StageFailure("`\(id)` does not work sample by sample") }
    let evaluator = try evaluator(pipeline, store, options)
    let samples = try evaluator.resolver.samples(&resolution)
    guard let work = samples.first(where: { $0.name == name }) else {
      throw StageFailure("`\(id)` has no sample `\(name)`", help: suggestion(for: name, among: samples.map(\.name)))
    }
    let all = try SampleJournal(group.digest, store: store).all()
    let found = all[work.key]
    var explanation = SampleExplanation(
      sample: name, key: work.key, isUpToDate: found != nil, differences: [],
      problem: work.reasonNotRunnable ?? found?.bad ?? found?.rejected, preimage: work.preimage)
    guard found == nil else { return explanation }
    if let earlier = all.values.first(where: { $0.name == name }) {
      explanation.differences = KeyDifference.between(earlier.preimage, work.preimage)
    } else if let last = try latestResult(id, pipeline: pipeline.name, store: store) {
      let old = last.preimage.objectValue ?? [:]
      let new = evaluator.resolver.baseKey(instance)
      explanation.differences = KeyDifference.between(
        .object(old.filter { new[$0.key] != nil || ["seed", "hardware"].contains($0.key) }), .object(new))
    }
    return explanation
  }

  /// Where the gates of a pipeline stand that can be looked at now.
  public static func gates(
    _ pipeline: ResolvedPipeline, store: Store, options: PlanOptions
  ) throws -> [GateStatus] {
    let plan = try plan(pipeline, store: store, options: options)
    return plan.stages.compactMap { if case .waiting(let status) = $0.action { status } else { nil } }
  }
}
