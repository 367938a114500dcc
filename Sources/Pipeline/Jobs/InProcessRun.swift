import Basics
import Foundation

/// Brings a pipeline up to date in this process, one instance after the other: no worker processes, no signals, no record
/// of the run, nothing published. For benchmarks, which fill large stores with it and time what the engine itself needs.
package enum InProcessRun {
  /// - Returns: seconds that each instance took that had work to do, in order.
  /// - Throws: what planning or a stage throws; `StageFailure` at a gate.
  package static func bringUpToDate(_ pipeline: ResolvedPipeline, store: Store) async throws -> [Double] {
    try store.prepare()
    let evaluator = try InstanceEvaluator(
      pipeline: pipeline, store: store, salt: nil, threads: MachineResources.cpus, outputsFolder: store.root)
    let events = WorkerEventWriter.discarding
    var results: [String: StageResult] = [:]
    var seconds: [Double] = []
    for instance in pipeline.instances {
      let inputs = try evaluator.inputs(of: instance) { results[$0] }
      switch try evaluator.evaluate(instance, inputs: inputs, forced: false) {
      case .upToDate(let result): results[instance.id] = result
      case .gate: throw StageFailure("`\(instance.id)` waits at its gate")
      case .work(let resolution, let mode, let withheld, _):
        let start = ContinuousClock.now
        let job = WorkerJob(
          instance: instance, mode: mode, run: "in-process", store: store.root, durable: store.durable,
          key: resolution.key, group: resolution.group, inputs: resolution.inputs, sources: resolution.sources,
          samples: resolution.samples ?? [], withheld: withheld, force: false, threads: MachineResources.cpus,
          listings: resolution.listings)
        let services = WorkerServices(store: store, events: events)
        try await WorkerRun(job: job, store: store, services: services, events: events, remote: nil)()
        seconds.append(start.duration(to: .now).seconds)
        guard let result = try store.result(resolution.key.digest) else {
          throw StageFailure("`\(instance.id)` left no result")
        }
        results[instance.id] = result
      }
    }
    try store.files.save { try store.write($0, to: store.root + "/index/files", sync: .bytes) }
    return seconds
  }

  /// Hashes files as planning does. Returns how many bytes they have.
  package static func hash(_ paths: [String], store: Store, threads: Int) throws -> Int {
    try store.files.hash(paths, threads: threads).reduce(0) { $0 + $1.status.size }
  }
}
