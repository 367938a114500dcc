import Basics
import Foundation

/// Walks the pipeline in order and says for each instance what a run would do.
///
/// Where everything an instance reads is known, the answer is exact. Where something upstream has to run first, samples are
/// followed one by one: those that come out of unchanged work are taken as they last were, the others count as new.
struct DryRun {
  /// What is known of an artifact before the work that makes it is done.
  private struct Prediction {
    /// Digest by sample; nil for samples whose content is still to be made.
    var samples: [String: Digest?]?
    /// The files, and so the whole, are not known.
    var from: String
  }

  private enum Outcome {
    case known(StageResult)
    case predicted([String: Prediction])
    case unavailable(String)
  }

  let planner: Planner
  let latest: [String: Digest]
  let forced: Set<String>

  init(planner: Planner, latest: [String: Digest], forced: Set<String>) {
    self.planner = planner
    self.latest = latest
    self.forced = forced
  }

  func plan(_ wanted: Set<String>) -> Plan {
    var outcomes: [String: Outcome] = [:]
    var stages: [Plan.Stage] = []
    for instance in planner.pipeline.instances where wanted.contains(instance.id) {
      let (stage, outcome) = look(at: instance, outcomes)
      stages.append(stage)
      outcomes[instance.id] = outcome
    }
    return Plan(stages: stages)
  }

  private func look(at instance: StageInstance, _ outcomes: [String: Outcome]) -> (Plan.Stage, Outcome) {
    var running: [String] = []
    for upstream in instance.upstream {
      switch outcomes[upstream] {
      case .unavailable(let by)?:
        return (
          Plan.Stage(instance: instance.id, action: .blocked(by: by), reasons: [], samples: nil, sampleNames: []),
          .unavailable(by)
        )
      case .predicted?: running.append(upstream)
      default: break
      }
    }
    do {
      return running.isEmpty ? try lookAtKnown(instance, outcomes) : try predict(instance, outcomes, running)
    } catch {
      return (
        Plan.Stage(
          instance: instance.id, action: .impossible(describe(error)), reasons: [], samples: nil, sampleNames: []),
        .unavailable(instance.id)
      )
    }
  }

  // MARK: - All inputs known

  private func lookAtKnown(
    _ instance: StageInstance, _ outcomes: [String: Outcome]
  ) throws -> (Plan.Stage, Outcome) {
    let inputs = try planner.inputs(of: instance) { id in
      if case .known(let result)? = outcomes[id] { result } else { nil }
    }
    let isForced = forced.contains(instance.id)
    switch try planner.evaluate(instance, inputs: inputs, forced: isForced) {
    case .upToDate(let result):
      return (
        Plan.Stage(instance: instance.id, action: .upToDate, reasons: [], samples: nil, sampleNames: []), .known(result)
      )
    case .gate(let status):
      return (
        Plan.Stage(instance: instance.id, action: .waiting(status), reasons: [], samples: nil, sampleNames: []),
        .unavailable(instance.id)
      )
    case .work(let resolution, _, _, let counts):
      if let group = resolution.group, let samples = resolution.samples {
        let runnable = samples.filter { $0.reasonNotRunnable == nil }
        let found =
          isForced
          ? [:] : try SampleJournal(group.digest, store: planner.store).results(Set(runnable.map(\.key)))
        let names = runnable.filter { found[$0.key] == nil }.map(\.name)
        return (
          Plan.Stage(
            instance: instance.id, action: .run,
            reasons: reasons(resolution, isForced: isForced), samples: counts,
            sampleNames: Array(names.prefix(100))),
          .predicted(try predictions(instance, pending: Set(names), results: found, work: runnable))
        )
      }
      return (
        Plan.Stage(
          instance: instance.id, action: .run, reasons: reasons(resolution, isForced: isForced),
          samples: counts, sampleNames: []), .predicted(unknownOutputs(instance))
      )
    }
  }

  /// Outputs of which nothing is known.
  private func unknownOutputs(_ instance: StageInstance) -> [String: Prediction] {
    Dictionary(
      instance.outputs.map { ($0.name, Prediction(samples: nil, from: instance.id)) }, uniquingKeysWith: { a, _ in a })
  }

  /// What a sample stage will deliver: unchanged samples as the last result has them, or as they left `run(sample:)`.
  private func predictions(
    _ instance: StageInstance, pending: Set<String>, results: [Digest: SampleResult], work: [SampleWork]
  ) throws -> [String: Prediction] {
    let last = try latest[instance.id].flatMap { try planner.store.result($0) }
    var found: [String: Prediction] = [:]
    for port in instance.outputs {
      guard port.layout == .samples else {
        found[port.name] = Prediction(samples: nil, from: instance.id)
        continue
      }
      let previous = try last?.outputs[port.name].map { try planner.resolver.contents($0) }
      var samples: [String: Digest?] = [:]
      for sample in work {
        if pending.contains(sample.name) {
          samples.updateValue(nil, forKey: sample.name)
        } else if previous?.artifact.rejected[sample.name] != nil {
          continue
        } else if let digest = previous?.sampleDigests[sample.name] {
          samples.updateValue(digest, forKey: sample.name)
        } else if let result = results[sample.key]?.outputs[port.name] {
          samples.updateValue(Manifest.digest(result), forKey: sample.name)
        }
      }
      found[port.name] = Prediction(samples: samples, from: instance.id)
    }
    return found
  }

  // MARK: - Something upstream runs first

  private func predict(
    _ instance: StageInstance, _ outcomes: [String: Outcome], _ running: [String]
  ) throws -> (Plan.Stage, Outcome) {
    let stage = try planner.resolver.load(instance)
    let isForced = forced.contains(instance.id)
    var reasons: [RunReason] = isForced ? [.forced] : []
    reasons.append(.dependsOn(running))
    let uncertain = (
      Plan.Stage(instance: instance.id, action: .dependsOnResults, reasons: reasons, samples: nil, sampleNames: []),
      Outcome.predicted(unknownOutputs(instance))
    )
    guard case .input(let driver)? = stage.driver, !stage.hasExternalFiles, instance.gate == nil else {
      return uncertain
    }
    var sampleDigests: [String: [String: Digest?]] = [:]
    var whole: [String: [KnownInput]] = [:]
    for (port, references) in instance.inputs {
      let isMany = instance.arity(of: port) == .many
      for reference in references {
        switch outcomes[reference.instance] {
        case .known(let result)?:
          guard let artifact = result.outputs[reference.port] else { continue }
          if artifact.layout == .samples, !isMany {
            sampleDigests[port] = try planner.resolver.contents(artifact).sampleDigests.mapValues { .some($0) }
          } else {
            whole[port, default: []].append(
              KnownInput(
                instance: reference.instance, labels: planner.pipeline[reference.instance]?.labelValues ?? [:],
                reference: artifact))
          }
        case .predicted(let ports)?:
          guard !isMany, let samples = ports[reference.port]?.samples else { return uncertain }
          sampleDigests[port] = samples
        default: return uncertain
        }
      }
    }
    guard let names = sampleDigests[driver]?.keys else { return uncertain }
    let group = KeyBuilder.group(
      instance, salt: planner.resolver.salt,
      wholeInputs: whole.mapValues {
        $0.map { InputDigest(instance: $0.instance, labels: $0.labels, digest: $0.reference.digest) }
      })
    var work: [SampleWork] = []
    var pending: Set<String> = []
    for name in names {
      let entries = sampleDigests.compactMapValues { $0[name] }
      let digests = entries.compactMapValues { $0 }
      if digests.count < entries.count {
        pending.insert(name)
        work.append(Self.placeholder(name))
        continue
      }
      let (key, preimage) = KeyBuilder.sample(
        group: group.digest, name: name, samples: digests, source: nil, external: [:])
      work.append(
        SampleWork(
          name: name, key: key, preimage: preimage, source: nil, external: [:], missing: [], problem: nil, content: key)
      )
    }
    let results = try SampleJournal(group.digest, store: planner.store).results(
      Set(work.lazy.filter { !pending.contains($0.name) }.map(\.key)))
    for sample in work where results[sample.key] == nil || isForced { pending.insert(sample.name) }
    let ordered = pending.sorted(by: naturallyPrecedes)
    return (
      Plan.Stage(
        instance: instance.id, action: .dependsOnResults, reasons: reasons,
        samples: SampleCounts(total: work.count, toRun: pending.count), sampleNames: Array(ordered.prefix(100))),
      .predicted(try predictions(instance, pending: pending, results: results, work: work))
    )
  }

  private static func placeholder(_ name: String) -> SampleWork {
    SampleWork(
      name: name, key: Digest.of(name), preimage: .null, source: nil, external: [:], missing: [], problem: nil,
      content: Digest.of(name))
  }

  private func reasons(_ resolution: StageResolution, isForced: Bool) -> [RunReason] {
    Explanation.reasons(
      key: resolution.key, latest: latest[resolution.instance.id], forced: isForced, fresh: resolution.listings,
      store: planner.store)
  }
}
