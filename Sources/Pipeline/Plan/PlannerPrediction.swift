import Basics

/// Stages that read from work which is still to be done: followed sample by sample as far as the names are known.
extension Planner {
  /// The inputs of a stage, as far as they are known.
  private struct PredictedInputs {
    /// Of the artifacts matched by sample: digest by sample for each port.
    var samples: [String: [String: Digest?]] = [:]
    /// Of the others, all known.
    var whole: [String: [KnownInput]] = [:]
    /// Ports that only lend files to samples.
    var lookup: [String: [KnownInput]] = [:]
  }

  func predict(
    _ instance: StageInstance, _ outcomes: [String: Outcome], _ running: [String]
  ) throws -> (Plan.Stage, Outcome) {
    let isForced = forced.contains(instance.id)
    var foreseen = Plan.Stage(
      instance: instance.id, action: .dependsOnResults,
      reasons: (isForced ? [.forced] : []) + [.dependsOn(running)], samples: nil, sampleNames: [])
    guard let body = instance.opened.samples, case .input(let driver) = body.driver,
      let inputs = try predictedInputs(instance, outcomes),
      let names = inputs.samples[driver]?.keys.sorted(by: naturallyPrecedes)
    else { return (foreseen, .predicted(unknownOutputs(instance))) }

    let group = KeyBuilder.group(
      instance, salt: evaluator.resolver.salt, hardware: evaluator.resolver.keyHardware(instance.opened),
      wholeInputs: inputs.whole.mapValues {
        $0.map { InputDigest(instance: $0.instance, labels: $0.labels, digest: $0.reference.digest) }
      })
    let external = try evaluator.resolver.externalFiles(body, names, inputs.lookup)
    var work: [SampleWork] = []
    var undecided: Set<String> = []
    for (name, files) in zip(names, external) {
      let entries = inputs.samples.compactMapValues { $0[name] }
      let digests = entries.compactMapValues { $0 }
      var sample = evaluator.resolver.sampleWork(
        instance, group: group.digest, name: name, samples: digests, external: files)
      if digests.count < entries.count {
        // No key: what it reads is still to be made.
        sample.key = Digest.of(name)
        undecided.insert(name)
      }
      work.append(sample)
    }
    let runnable = work.filter { $0.reasonNotRunnable == nil }
    let results = try SampleJournal(group.digest, store: evaluator.store).results(
      Set(runnable.lazy.filter { !undecided.contains($0.name) }.map(\.key)))
    let pending = runnable.filter { isForced || results[$0.key] == nil }.map(\.name)
    foreseen.samples = SampleCounts(total: runnable.count, toRun: pending.count)
    foreseen.sampleNames = Array(pending.prefix(100))
    if let status = gate(instance, work, results, undecided: undecided) {
      if pending.isEmpty { foreseen.action = .waiting(status) } else { foreseen.thenWaits = status }
      return (foreseen, .unavailable(instance.id))
    }
    return (
      foreseen, .predicted(try predictions(instance, pending: Set(pending), results: results, work: runnable))
    )
  }

  /// Nil where an input is needed of which nothing is known yet.
  private func predictedInputs(
    _ instance: StageInstance, _ outcomes: [String: Outcome]
  ) throws -> PredictedInputs? {
    var inputs = PredictedInputs()
    for (port, references) in instance.inputs {
      let isMany = instance.arity(of: port) == .many
      let isLookup = instance.port(port)?.lookup == true
      for reference in references {
        switch outcomes[reference.instance] {
        case .known(let result)?:
          guard let artifact = result.outputs[reference.port] else { continue }
          let known = KnownInput(
            instance: reference.instance, labels: evaluator.pipeline[reference.instance]?.labelValues ?? [:],
            reference: artifact)
          if isLookup {
            inputs.lookup[port, default: []].append(known)
          } else if artifact.layout == .samples, !isMany {
            inputs.samples[port] = try evaluator.resolver.contents(artifact).sampleDigests.mapValues { .some($0) }
          } else {
            inputs.whole[port, default: []].append(known)
          }
        case .predicted(let ports)?:
          guard !isMany, !isLookup, let samples = ports[reference.port]?.samples else { return nil }
          inputs.samples[port] = samples
        default: return nil
        }
      }
    }
    return inputs
  }
}
