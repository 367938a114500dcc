import Basics
import Foundation

extension Store {
  /// Sends every result of this store that the server lacks: files first, then the records that name them.
  /// - Parameter progress: called with the number of results looked at and of all.
  /// - Throws: `StageFailure` when the server cannot be used; what was sent until then is whole and stays there.
  public func push(
    to address: RemoteAddress, limits: RemoteLimits = RemoteLimits(), progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> Transfer {
    let remote = RemoteCache(address, limits: limits)
    var report = Transfer()
    do {
      let keys = try entries("results", suffix: ".json").map(\.digest)
      for (index, key) in keys.enumerated() {
        progress(index, keys.count)
        if let found = try result(key) { try remote.push(found, from: self, &report) }
      }
      for (group, _) in try entries("samples", suffix: ".log") {
        try remote.pushSamples(group, from: self, &report)
      }
    } catch let problem as RemoteProblem {
      throw StageFailure(
        "\(problem)",
        help: "\(report.results) results and \(report.blobs) files were sent; the same command goes on from there")
    }
    return report
  }
}

extension Inspection {
  /// Brings over what a pipeline needs, as far as the server has it: the result of every stage whose inputs are known, and
  /// where there is none, the samples that others have done.
  /// - Throws: `StageFailure` when the server cannot be used; `FileProblem` when the store cannot be written.
  public static func pull(
    _ pipeline: ResolvedPipeline, store: Store, from address: RemoteAddress, options: PlanOptions,
    limits: RemoteLimits = RemoteLimits()
  ) throws -> Store.Transfer {
    try store.prepare()
    let remote = RemoteCache(address, limits: limits)
    let evaluator = try evaluator(pipeline, store, options)
    var report = Store.Transfer()
    var known: [String: StageResult] = [:]
    var latest = try LatestResults(pipeline: pipeline.name, store: store)
    for instance in pipeline.instances where instance.upstream.allSatisfy({ known[$0] != nil }) {
      do {
        let inputs = try evaluator.inputs(of: instance) { known[$0] }
        var evaluation = try evaluator.evaluate(instance, inputs: inputs, forced: false)
        if case .work(let resolution, let mode, _, _) = evaluation {
          try remote.fetch(resolution, mode, into: store, &report)
          evaluation = try evaluator.evaluate(instance, inputs: inputs, forced: false)
          // A gate first looks at its samples, then has a key.
          if case .work(let resolution, .full, _, _) = evaluation, mode == .samplesOnly {
            try remote.fetch(resolution, .full, into: store, &report)
            evaluation = try evaluator.evaluate(instance, inputs: inputs, forced: false)
          }
        }
        if case .upToDate(let result) = evaluation { known[instance.id] = result }
      } catch is StageFailure {
        continue  // the user's files are not as this stage needs them; a run says so
      } catch is DamagedBlob {
        continue  // a run makes it again
      }
      if let problem = remote.problem { throw StageFailure(problem) }
    }
    try latest.update(known.mapValues(\.key))
    return report
  }
}

extension RemoteCache {
  /// The result of a stage, else what there is of its samples.
  fileprivate func fetch(
    _ resolution: StageResolution, _ mode: WorkMode, into store: Store, _ report: inout Store.Transfer
  ) throws {
    guard let lock = try KeyLock.acquire(resolution.lockKey, in: store, keepWaiting: { true }) else { return }
    defer { withExtendedLifetime(lock) {} }
    if mode == .full, try fetch(resolution.key.digest, into: store, &report) != nil { return }
    guard let group = resolution.group else { return }
    let wanted = (resolution.samples ?? []).filter { $0.reasonNotRunnable == nil }.map(\.key)
    try fetchSamples(group.digest, wanted: Set(wanted), into: store, &report)
  }
}

extension StageResolution {
  fileprivate var lockKey: Digest { group?.digest ?? key.digest }
}
