import Basics
import Foundation
import Synchronization

/// Brings one stage instance up to date inside a worker process.
struct WorkerRun: Sendable {
  let job: WorkerJob
  let store: Store
  let services: WorkerServices
  let events: WorkerEventWriter
  let remote: RemoteCache?
  private let verified = VerifiedFiles()

  init(job: WorkerJob, store: Store, services: WorkerServices, events: WorkerEventWriter, remote: RemoteCache?) throws {
    self.job = job
    self.store = store
    self.services = services
    self.events = events
    self.remote = remote
    try checkHardware()
  }

  /// The class of hardware of this machine; nil where no hardware changes the stage's bytes.
  private var hardware: HardwareClass? { job.instance.opened.hardware }

  /// Under exact arithmetic the key names the class of hardware that was planned for.
  private func checkHardware() throws {
    guard let planned = job.key.preimage["hardware"]?.stringValue, planned != hardware?.rawValue else { return }
    throw StageFailure(
      "the key asks for results of `\(planned)`, but this machine (\(Host.name)) is `\(hardware?.rawValue ?? "none")`",
      help: "under `settings: { arithmetic: exact }` plan on a machine of the same class as those that do the work "
        + "(`settings.slurm.constraint` chooses nodes), or use `arithmetic: portable`")
  }

  /// Waits for the key's lock, uses what another process has made meanwhile, else does the work. Should the lock be lost to
  /// another machine, that one does the work, and this one waits for it again.
  func callAsFunction() async throws {
    let lockKey = job.group?.digest ?? job.key.digest
    while true {
      let lock = try KeyLock.acquire(
        lockKey, in: store, waiting: { events.send(.waiting(holder: $0)) }, keepWaiting: { !services.isStopping })
      guard let lock else { throw CancellationError() }
      defer { withExtendedLifetime(lock) {} }
      lock.whenLost { services.interrupt() }
      do {
        try await work(under: lock)
        return
      } catch {
        guard !lock.confirm() else { throw error }
        events.send(
          .note("this machine gave no sign of life for too long and another has taken over; waiting for what it makes"))
        services.resume()
      }
    }
  }

  private func work(under lock: KeyLock) async throws {
    if !job.force, job.mode == .full, let result = try found() {
      events.send(.done(result, reused: true))
      return
    }
    if let remote, !job.force, let result = try fetch(from: remote) {
      events.send(.done(result, reused: true))
      return
    }
    do {
      switch job.instance.opened.body.form {
      case .whole(let body): try await run(body, under: lock)
      case .samples(let body): try run(body, under: lock)
      }
    } catch {
      // A machine that had lost the lock may have delivered the result after all, and removed what this one worked with.
      guard try store.locking.mode == .leases, !job.force, job.mode == .full, !services.isStopping,
        let result = try found()
      else { throw error }
      events.send(.done(result, reused: true))
    }
  }

  private func found() throws -> StageResult? {
    try store.revalidate([store.resultPath(job.key.digest)])
    return try store.result(job.key.digest)
  }

  /// The result that others have made, else those of its samples. A server that fails is told of and forgotten.
  private func fetch(from remote: RemoteCache) throws -> StageResult? {
    var report = Store.Transfer()
    var result: StageResult?
    if job.mode == .full { result = try remote.fetch(job.key.digest, into: store, &report) }
    if result == nil, let group = job.group {
      let wanted = job.samples.filter { $0.reasonNotRunnable == nil }.map(\.key)
      try remote.fetchSamples(group.digest, wanted: Set(wanted), into: store, &report)
    }
    if report.results + report.samples > 0 {
      let what = report.results > 0 ? "its result" : "\(report.samples) of its samples"
      events.send(.note("\(what) came from \(remote.address): \(report.blobs) files, \(byteText(report.bytes))"))
    }
    if let problem = remote.problem { events.send(.remoteFailed(problem)) }
    return result
  }

  // MARK: - Whole stages

  private func run(_ body: any WholeWork, under lock: KeyLock) async throws {
    let start = ContinuousClock.now
    events.send(.started(toRun: 0, reused: 0))
    var inputs: [String: [LabelledArtifact]] = [:]
    for (port, known) in job.inputs { inputs[port] = try known.map(labelled) }
    try verified.check(inputs.values.flatMap { $0.map(\.artifact) }, store: store, threads: job.threads)
    let scratch = store.scratchPath(job.key.digest)
    let outputs = OutputCollector()
    let context = StageContext(
      inputs: inputs, sources: job.sources.mapValues { $0.files.map { ($0.path, $0.stored) } },
      seed: job.instance.seed ?? 0, threads: job.threads, scratch: URL(fileURLWithPath: scratch, isDirectory: true),
      services: services, outputs: outputs)
    try await ThreadBudget.with(job.threads) { try await body.run(context) }
    for listing in job.sources.values { for file in listing.files { try Self.checkUnchanged(file) } }
    let hardware = outputs.hardware ?? [hardware].compactMap(\.self)
    try deliver(
      outputs, under: lock, hardware: hardware, seconds: start.duration(to: .now).seconds, ran: 0, reused: 0)
    try FileSystem.removeTree(scratch)
  }

  private func labelled(_ input: KnownInput) throws -> LabelledArtifact {
    LabelledArtifact(instance: input.instance, labels: input.labels, artifact: try store.artifact(input.reference))
  }

  static func checkUnchanged(_ file: SourceFile) throws {
    if let hashed = file.hashed, !hashed.isUnchanged() { throw InputChanged(path: hashed.path) }
  }

  // MARK: - Sample stages

  private func run(_ body: any SampledWork, under lock: KeyLock) throws {
    let start = ContinuousClock.now
    guard let group = job.group else { throw StageFailure("the job of a sample stage names no group") }
    let journal = SampleJournal(group.digest, store: store)
    let runnable = job.samples.filter { $0.missing.isEmpty && $0.problem == nil }
    var results = job.force ? [:] : try journal.results(Set(runnable.map(\.key)))
    let toRun = runnable.filter { results[$0.key] == nil }
    events.send(.started(toRun: toRun.count, reused: runnable.count - toRun.count))

    if !toRun.isEmpty {
      let run = try SampleRun(
        job: job, body: body, store: store, services: services, journal: journal, verified: verified)
      results.merge(try run(toRun)) { _, new in new }
    }
    if job.mode == .samplesOnly {
      events.send(.samplesDone)
      return
    }
    if services.isStopping { throw CancellationError() }
    let outputs = try collect(results)
    let context = CollectContext(
      outputs: outputs, rejected: outputs.rejected, services: services, seed: job.instance.seed ?? 0)
    try body.finish(context)
    try deliver(
      outputs, under: lock, hardware: hardware(of: results), seconds: start.duration(to: .now).seconds,
      ran: toRun.count,
      reused: runnable.count - toRun.count)
  }

  /// The classes that made samples of this result: others by name, which made theirs before, then this machine's. People are
  /// told when there are several.
  private func hardware(of results: [Digest: SampleResult]) -> [HardwareClass] {
    guard let own = hardware else { return [] }
    let all = Set(job.samples.compactMap { results[$0.key] }.map { $0.hardware ?? .unknown })
    let found = all.subtracting([own]).sorted { $0.rawValue < $1.rawValue } + (all.contains(own) ? [own] : [])
    if found.count > 1 { events.send(.note("its samples were made on different hardware: \(found.text)")) }
    return found
  }

  /// All results together, as `finish` sees them.
  /// - Throws: `StageFailure` listing the bad samples when the policy is to fail.
  private func collect(_ results: [Digest: SampleResult]) throws -> OutputCollector {
    let outputs = OutputCollector()
    var bad: [(name: String, reason: String)] = []
    for work in job.samples {
      if let reason = job.withheld[work.name] {
        outputs.reject(work.name, reason)
      } else if let reason = work.reasonNotRunnable ?? results[work.key]?.bad {
        bad.append((work.name, reason))
        outputs.reject(work.name, reason)
      } else if let result = results[work.key] {
        if let reason = result.rejected { outputs.reject(work.name, reason) }
        for (port, sample) in result.outputs { outputs.add(sample: sample, port: port) }
        for (port, files) in result.files {
          for (path, file) in files { outputs.add(file: file, at: path, port: port) }
        }
      }
    }
    if !bad.isEmpty, job.instance.onBadSample == .fail {
      let shown = bad.prefix(10).map { "  \($0.name): \($0.reason)" }.joined(separator: "\n")
      let more = bad.count > 10 ? "\n  and \(bad.count - 10) more" : ""
      throw StageFailure(
        "\(bad.count) of \(job.samples.count) samples cannot be used:\n\(shown)\(more)",
        help: "mend or remove these files, or set `on_bad_sample: skip` on `\(job.instance.stage)`")
    }
    return outputs
  }

  // MARK: - Delivery

  /// Seals the outputs: blobs, manifests, then the record that makes them visible.
  /// - Throws: `CancellationError` when another machine does this work now.
  private func deliver(
    _ outputs: OutputCollector, under lock: KeyLock, hardware: [HardwareClass], seconds: Double, ran: Int, reused: Int
  ) throws {
    if !lock.confirm() { throw CancellationError() }
    let declared = Set(job.instance.outputs.map(\.name))
    if let stray = outputs.ports.subtracting(declared).sorted().first {
      throw StageFailure("`\(job.instance.type.type)` wrote to `\(stray)`, which is not one of its outputs")
    }
    var references: [String: ArtifactReference] = [:]
    let rejected = outputs.rejected
    for port in job.instance.outputs {
      let samples = outputs.samples(port.name)
      let files = outputs.files(port.name)
      var bytes = 0
      for file in samples.flatMap(\.files.values) + files.values {
        // Those of a sample stage's samples were sealed when each sample was done.
        if job.instance.opened.samples == nil || port.layout == .files { try services.seal(file) }
        bytes += file.size
      }
      let data = Manifest.encode(
        kind: port.kind, layout: port.layout, samples: samples, files: files, rejected: rejected)
      let stored = try services.store(data)
      references[port.name] = ArtifactReference(
        kind: port.kind, layout: port.layout, digest: stored.digest, size: stored.size,
        count: port.layout == .samples ? samples.count : files.count, rejected: rejected.count, bytes: bytes)
    }
    for listing in job.listings { _ = try services.store(listing) }
    let result = StageResult(
      key: job.key.digest, preimage: job.key.preimage, outputs: references,
      made: StageResult.Made(
        instance: job.instance.id, run: job.run, time: Date().formatted(.iso8601), seconds: seconds, samplesRun: ran,
        samplesReused: reused, host: Host.name, hardware: hardware))
    try services.flush(recording: result)
    events.send(.done(result, reused: false))
  }
}
