import Basics
import Foundation

/// How many samples of a stage run.
public struct SampleCounts: Hashable, Sendable {
  public var total: Int
  public var toRun: Int
  public var reused: Int { total - toRun }

  public init(total: Int, toRun: Int) {
    self.total = total
    self.toRun = toRun
  }
}

/// The verdict on an instance with known inputs.
enum Evaluation: Sendable {
  case upToDate(StageResult)
  case work(StageResolution, WorkMode, withheld: [String: String], counts: SampleCounts?)
  case gate(GateStatus)
}

/// Decides, for one instance at a time, whether there is work to do. The same code answers a dry run and a run.
final class InstanceEvaluator: Sendable {
  let pipeline: ResolvedPipeline
  let store: Store
  let resolver: Resolver
  let approvals: [String: [Digest: ApprovalDecision]]
  /// Where published outputs stand, for messages.
  let outputsFolder: String

  /// - Throws: `StageFailure` for an approvals file that is not readable.
  init(pipeline: ResolvedPipeline, store: Store, salt: String?, threads: Int, outputsFolder: String) throws {
    self.pipeline = pipeline
    self.store = store
    self.outputsFolder = outputsFolder
    resolver = Resolver(store: store, salt: salt, arithmetic: pipeline.settings.arithmetic, threads: threads)
    let approvals = Approvals(store: store)
    var inForce: [String: [Digest: ApprovalDecision]] = [:]
    for instance in pipeline.instances where instance.gate != nil {
      inForce[instance.id] = try approvals.inForce(pipeline: pipeline.name, instance: instance.id)
    }
    self.approvals = inForce
  }

  /// The inputs of an instance when the results of all it reads from are known.
  func inputs(of instance: StageInstance, results: (String) -> StageResult?) throws -> [String: [KnownInput]] {
    var inputs: [String: [KnownInput]] = [:]
    for (port, references) in instance.inputs {
      inputs[port] = try references.map { reference in
        guard let artifact = results(reference.instance)?.outputs[reference.port] else {
          throw StageFailure("`\(reference.instance)` delivered no `\(reference.port)`")
        }
        return KnownInput(
          instance: reference.instance, labels: pipeline[reference.instance]?.labelValues ?? [:], reference: artifact)
      }
    }
    return inputs
  }

  /// - Parameter forced: results that are there do not count.
  func evaluate(_ instance: StageInstance, inputs: [String: [KnownInput]], forced: Bool) throws -> Evaluation {
    if instance.gate != nil { return try evaluateGate(instance, inputs: inputs, forced: forced) }
    let resolution = try resolver.resolve(instance, inputs: inputs)
    if !forced, let result = try store.result(resolution.key.digest) { return .upToDate(result) }
    return try work(resolution, forced: forced)
  }

  private func work(_ resolution: StageResolution, forced: Bool) throws -> Evaluation {
    var resolution = resolution
    guard let group = resolution.group else { return .work(resolution, .full, withheld: [:], counts: nil) }
    let samples = try resolver.samples(&resolution).filter { $0.reasonNotRunnable == nil }
    let found = forced ? [:] : try SampleJournal(group.digest, store: store).results(Set(samples.map(\.key)))
    let counts = SampleCounts(total: samples.count, toRun: samples.count { found[$0.key] == nil })
    return .work(resolution, .full, withheld: [:], counts: counts)
  }

  /// The samples that a result leaves out, in natural order. Empty too when its manifest cannot be read: who uses the result
  /// will say so.
  func rejected(in result: StageResult) -> [GateStatus.Finding] {
    guard let reference = result.outputs.values.first(where: { $0.rejected > 0 }),
      let artifact = try? resolver.contents(reference).artifact
    else { return [] }
    return artifact.rejected.sorted { naturallyPrecedes($0.key, $1.key) }.map { .init(name: $0.key, reason: $0.value) }
  }

  // MARK: - Gates

  private func evaluateGate(
    _ instance: StageInstance, inputs: [String: [KnownInput]], forced: Bool
  ) throws -> Evaluation {
    var resolution: StageResolution
    do { resolution = try resolver.resolve(instance, inputs: inputs) } catch let missing as MissingSource {
      // A folder that is not there yet is what the gate waits for.
      return .gate(emptyGate(instance, missing: missing.message))
    }
    guard let group = resolution.group else {
      let status = wholeGate(instance, resolution)
      guard status.isOpen else { return .gate(status) }
      if !forced, let result = try store.result(resolution.key.digest) { return .upToDate(result) }
      return .work(resolution, .full, withheld: [:], counts: nil)
    }
    let samples = try resolver.samples(&resolution)
    let runnable = samples.filter { $0.reasonNotRunnable == nil }
    let found = try SampleJournal(group.digest, store: store).results(Set(runnable.map(\.key)))
    let toRun = runnable.count { found[$0.key] == nil }
    let counts = SampleCounts(total: runnable.count, toRun: toRun)
    if toRun > 0 { return .work(resolution, .samplesOnly, withheld: [:], counts: counts) }
    var status = sampleGate(instance, samples, found)
    guard status.isOpen else {
      status.changes = try changes(status, samples, group.digest)
      return .gate(status)
    }
    if !forced, let result = try store.result(resolution.key.digest) { return .upToDate(result) }
    var withheld: [String: String] = [:]
    for finding in status.missing { withheld[finding.name] = finding.reason }
    for finding in status.invalid { withheld[finding.name] = finding.reason }
    return .work(resolution, .full, withheld: withheld, counts: counts)
  }

  /// Where the gate of a sample stage stands. Samples without a result count as ready: they have still to run.
  /// - Parameter undecided: samples whose content is still to be made; a name approved before passes if it comes out the same.
  func sampleGate(
    _ instance: StageInstance, _ samples: [SampleWork], _ results: [Digest: SampleResult],
    undecided: Set<String> = []
  ) -> GateStatus {
    var status = emptyGate(instance, missing: nil)
    let decisions = approvals[instance.id] ?? [:]
    let approvedNames = Set(decisions.values.lazy.filter(\.isApproved).map(\.sample))
    status.expected = samples.count
    for work in samples {
      if let problem = work.problem {
        status.invalid.append(.init(name: work.name, reason: problem))
      } else if !work.missing.isEmpty {
        status.missing.append(.init(name: work.name, reason: "missing " + work.missing.joined(separator: "; ")))
      } else if let reason = results[work.key]?.bad {
        status.invalid.append(.init(name: work.name, reason: reason))
      } else if undecided.contains(work.name) {
        status.ready += 1
        if !approvedNames.contains(work.name) { status.unapproved.append(work.name) }
      } else {
        status.contents[work.name] = work.content
        if let decision = decisions[work.content] {
          if decision.isApproved {
            status.ready += 1
          } else {
            status.rejected.append(.init(name: work.name, reason: decision.message))
          }
        } else {
          status.ready += 1
          status.unapproved.append(work.name)
          if approvedNames.contains(work.name) { status.changed.append(work.name) }
        }
      }
    }
    return status
  }

  /// The fields that differ in samples that were approved with other contents, as far as the earlier ones are remembered.
  private func changes(
    _ status: GateStatus, _ samples: [SampleWork], _ group: Digest
  ) throws -> [GateStatus.Finding] {
    guard !status.changed.isEmpty else { return [] }
    let changed = Set(status.changed)
    let approved = (approvals[status.instance] ?? [:]).filter(\.value.isApproved)
    var earlier: [String: (time: String, preimage: JSON)] = [:]
    for result in try SampleJournal(group, store: store).all().values where changed.contains(result.name) {
      for missing in 0...1 {
        let content = SampleWork.content(of: result.preimage, missing: missing, stage: stageType(status.instance))
        guard let decision = approved[content], decision.time >= earlier[result.name]?.time ?? "" else { continue }
        earlier[result.name] = (decision.time, result.preimage)
      }
    }
    return samples.filter { changed.contains($0.name) }.map { work in
      guard let old = earlier[work.name] else { return .init(name: work.name, reason: "") }
      let fields = KeyDifference.between(old.preimage, work.preimage).map(\.field)
      return .init(name: work.name, reason: fields.joined(separator: ", "))
    }
  }

  private func stageType(_ instance: String) -> String { pipeline[instance]?.type.type.rawValue ?? "" }

  /// A stage that runs as a whole has one thing to approve: all it reads.
  private func wholeGate(_ instance: StageInstance, _ resolution: StageResolution) -> GateStatus {
    var status = emptyGate(instance, missing: nil)
    status.expected = 1
    status.contents["inputs"] = resolution.key.digest
    switch approvals[instance.id]?[resolution.key.digest] {
    case let decision? where !decision.isApproved:
      status.rejected.append(.init(name: "inputs", reason: decision.message))
    case nil:
      status.ready = 1
      status.unapproved = ["inputs"]
      if !(approvals[instance.id] ?? [:]).isEmpty { status.changed = ["inputs"] }
    default: status.ready = 1
    }
    return status
  }

  private func emptyGate(_ instance: StageInstance, missing: String?) -> GateStatus {
    var message = instance.gate?.message ?? ""
    for (port, references) in instance.inputs {
      guard let first = references.first else { continue }
      let place = "\(outputsFolder)/\(fileName(for: first.instance))/\(first.port)"
      message = message.replacing("${inputs.\(port)}", with: place)
    }
    return GateStatus(
      instance: instance.id, approve: instance.gate?.approve ?? .explicit, coverage: instance.gate?.coverage ?? 1,
      message: message, expected: missing == nil ? 0 : 1, ready: 0, unapproved: [], changed: [],
      missing: missing.map { [.init(name: "source", reason: $0)] } ?? [], invalid: [], rejected: [], contents: [:])
  }
}
