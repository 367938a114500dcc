import Basics
import Foundation

/// Walks the pipeline in order and says for each instance what a run would do.
///
/// Where everything an instance reads is known, the answer is exact. Where something upstream has to run first, samples are
/// followed one by one: those that come out of unchanged work are taken as they last were, the others count as new.
struct Planner {
  /// An artifact before the work that makes it is done, as far as it is known: the digest of each sample, nil where its content is
  /// still to be made. Nil as a whole where not even the names are known.
  struct Prediction {
    var samples: [String: Digest?]?
  }

  enum Outcome {
    case known(StageResult)
    case predicted([String: Prediction])
    case unavailable(String)
  }

  let evaluator: InstanceEvaluator
  let latest: [String: Digest]
  let forced: Set<String>

  init(evaluator: InstanceEvaluator, latest: [String: Digest], forced: Set<String>) {
    self.evaluator = evaluator
    self.latest = latest
    self.forced = forced
  }

  func plan(_ wanted: Set<String>) -> Plan {
    var outcomes: [String: Outcome] = [:]
    var stages: [Plan.Stage] = []
    for instance in evaluator.pipeline.instances where wanted.contains(instance.id) {
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
          instance: instance.id, action: .impossible(Diagnostic(error)), reasons: [], samples: nil, sampleNames: []),
        .unavailable(instance.id)
      )
    }
  }

  // MARK: - All inputs known

  private func lookAtKnown(
    _ instance: StageInstance, _ outcomes: [String: Outcome]
  ) throws -> (Plan.Stage, Outcome) {
    let inputs = try evaluator.inputs(of: instance) { id in
      if case .known(let result)? = outcomes[id] { result } else { nil }
    }
    let isForced = forced.contains(instance.id)
    switch try evaluator.evaluate(instance, inputs: inputs, forced: isForced) {
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
          ? [:] : try SampleJournal(group.digest, store: evaluator.store).results(Set(runnable.map(\.key)))
        let names = runnable.filter { found[$0.key] == nil }.map(\.name)
        var foreseen = Plan.Stage(
          instance: instance.id, action: .run, reasons: reasons(resolution, isForced: isForced), samples: counts,
          sampleNames: Array(names.prefix(100)))
        foreseen.thenWaits = gate(instance, samples, found)
        if foreseen.thenWaits != nil { return (foreseen, .unavailable(instance.id)) }
        return (
          foreseen, .predicted(try predictions(instance, pending: Set(names), results: found, work: runnable))
        )
      }
      return (
        Plan.Stage(
          instance: instance.id, action: .run, reasons: reasons(resolution, isForced: isForced),
          samples: counts, sampleNames: []), .predicted(unknownOutputs(instance))
      )
    }
  }

  /// Where the gate of a sample stage will stand after the samples have run; nil if it will let them through or is none.
  func gate(
    _ instance: StageInstance, _ work: [SampleWork], _ results: [Digest: SampleResult], undecided: Set<String> = []
  ) -> GateStatus? {
    guard instance.gate != nil else { return nil }
    let status = evaluator.sampleGate(instance, work, results, undecided: undecided)
    return status.isOpen ? nil : status
  }

  /// Outputs of which nothing is known.
  func unknownOutputs(_ instance: StageInstance) -> [String: Prediction] {
    Dictionary(
      instance.outputs.map { ($0.name, Prediction(samples: nil)) }, uniquingKeysWith: { a, _ in a })
  }

  /// Predicts the outputs of a sample stage: unchanged samples as the last result has them, or as they left `run(sample:)`.
  func predictions(
    _ instance: StageInstance, pending: Set<String>, results: [Digest: SampleResult], work: [SampleWork]
  ) throws -> [String: Prediction] {
    let last = try latest[instance.id].flatMap { try evaluator.store.result($0) }
    var found: [String: Prediction] = [:]
    for port in instance.outputs {
      guard port.layout == .samples else {
        found[port.name] = Prediction(samples: nil)
        continue
      }
      let previous = try last?.outputs[port.name].map { try evaluator.resolver.contents($0) }
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
      found[port.name] = Prediction(samples: samples)
    }
    return found
  }

  private func reasons(_ resolution: StageResolution, isForced: Bool) -> [RunReason] {
    Explanation.reasons(
      key: resolution.key, latest: latest[resolution.instance.id], forced: isForced, fresh: resolution.listings,
      store: evaluator.store)
  }
}
