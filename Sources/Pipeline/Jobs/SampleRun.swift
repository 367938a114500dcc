import Basics
import Foundation
import Synchronization

/// Runs samples of a stage on several threads and records each as it completes.
struct SampleRun: Sendable {
  private struct State {
    var next = 0
    var done = 0
    var results: [Digest: SampleResult] = [:]
    var unrecorded: [(key: Digest, result: SampleResult)] = []
    var lastFlush = ContinuousClock.now
    var failure: (any Error)?
  }

  let job: WorkerJob
  let body: any SampledWork
  let services: WorkerServices
  let store: Store
  let journal: SampleJournal
  let verified: VerifiedFiles
  private let inputs: [String: [LabelledArtifact]]
  private let sampleInputs: [String: [String: Sample]]
  /// Results wait at most this long for their record: many small samples share its syncs.
  private static let flushInterval = Duration.milliseconds(250)

  init(
    job: WorkerJob, body: any SampledWork, store: Store, services: WorkerServices, journal: SampleJournal,
    verified: VerifiedFiles
  ) throws {
    self.job = job
    self.body = body
    self.store = store
    self.services = services
    self.journal = journal
    self.verified = verified
    var inputs: [String: [LabelledArtifact]] = [:]
    var samples: [String: [String: Sample]] = [:]
    for (port, known) in job.inputs where job.instance.port(port)?.lookup != true {
      if job.instance.arity(of: port) != .many, let input = known.first, input.reference.layout == .samples {
        let artifact = try store.artifact(input.reference)
        samples[port] = Dictionary(artifact.samples.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      } else {
        inputs[port] = try known.map {
          LabelledArtifact(instance: $0.instance, labels: $0.labels, artifact: try store.artifact($0.reference))
        }
      }
    }
    self.inputs = inputs
    sampleInputs = samples
    try verified.check(inputs.values.flatMap { $0.map(\.artifact) }, store: store, threads: job.threads)
  }

  /// - Returns: the results by key.
  /// - Throws: the first error that is not a sample's own; `CancellationError` when asked to stop.
  func callAsFunction(_ work: [SampleWork]) throws -> [Digest: SampleResult] {
    let state = Mutex(State())
    let finished = DispatchSemaphore(value: 0)
    let workers = max(1, min(job.threads, work.count))
    for _ in 0..<workers {
      let thread = Thread {
        while let index = state.withLock({ state -> Int? in
          guard state.failure == nil, !services.isStopping, state.next < work.count else { return nil }
          state.next += 1
          return state.next - 1
        }) {
          do {
            let result = try ThreadBudget.with(job.threads / workers) { try run(work[index]) }
            try complete(work[index], result, state, total: work.count)
          } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
          }
        }
        finished.signal()
      }
      thread.stackSize = 16 << 20
      thread.start()
    }
    for _ in 0..<workers { finished.wait() }
    try flush(state)
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      if state.done < work.count { throw CancellationError() }
      return state.results
    }
  }

  private func complete(
    _ work: SampleWork, _ result: SampleResult, _ state: borrowing Mutex<State>, total: Int
  ) throws {
    let (done, isDue) = state.withLock { state in
      state.done += 1
      state.results[work.key] = result
      state.unrecorded.append((work.key, result))
      return (state.done, ContinuousClock.now - state.lastFlush > Self.flushInterval)
    }
    if isDue { try flush(state) }
    services.report(StageProgress(done: done, total: total))
  }

  /// Blobs first, then the lines that name them.
  private func flush(_ state: borrowing Mutex<State>) throws {
    let pending = state.withLock { state in
      defer {
        state.unrecorded = []
        state.lastFlush = .now
      }
      return state.unrecorded
    }
    guard !pending.isEmpty else { return }
    try services.flush()
    try journal.append(pending)
  }

  private func run(_ work: SampleWork) throws -> SampleResult {
    let samples = sampleInputs.compactMapValues { $0[work.name] }
    for sample in samples.values { for file in sample.files.values { try verified.check(file, store: store) } }
    for file in work.external.values where file.hashed == nil { try verified.check(file.stored, store: store) }
    let outputs = OutputCollector()
    var random = SeededRandom(seed: job.instance.seed ?? 0, stream: work.name)
    let context = SampleContext(
      name: work.name, samples: samples, inputs: inputs, source: work.source?.stored, sourcePath: work.source?.path,
      external: work.external.mapValues(\.stored), seed: random.next(), services: services, outputs: outputs)
    var bad: String?
    do { try body.run(sample: context) } catch let error as BadSample {
      bad = error.reason
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      try checkInputs(work)
      let reason = Diagnostic(error)
      throw StageFailure("sample `\(work.name)`: \(reason.message)", help: reason.help)
    }
    try checkInputs(work)
    if let bad {
      return SampleResult(name: work.name, bad: bad, preimage: work.preimage, hardware: job.instance.opened.hardware)
    }
    var result = SampleResult(
      name: work.name, rejected: outputs.rejected[work.name], preimage: work.preimage,
      hardware: job.instance.opened.hardware)
    for port in outputs.ports {
      if let sample = outputs.samples(port).first(where: { $0.name == work.name }) { result.outputs[port] = sample }
      let files = outputs.files(port)
      if !files.isEmpty { result.files[port] = files }
    }
    for file in result.storedFiles { try services.seal(file) }
    return result
  }

  private func checkInputs(_ work: SampleWork) throws {
    if let source = work.source { try WorkerRun.checkUnchanged(source) }
    for file in work.external.values { try WorkerRun.checkUnchanged(file) }
  }
}
