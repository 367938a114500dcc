import Basics
import Foundation
import Synchronization

/// Keeps what a run looks at, instance by instance, and turns it into a proof when everything ended well.
///
/// The observations by which an instance was found up to date stay true whatever other instances do meanwhile, or the proof does not hold
/// later. An instance that ran or was published is looked at once more at the end.
final class RunTrail: Sendable {
  private struct State {
    var common: Observations
    var byInstance: [Int: Observations] = [:]
    var clock: Int?
  }

  private let request: RunRequest?
  private let state: Mutex<State>

  /// - Parameter request: nil when nobody will ask again.
  init(_ request: RunRequest?) {
    self.request = request
    let clock = request?.store.temporary.fileSystemTime()
    state = Mutex(State(common: Observations(clock: clock), clock: clock))
  }

  /// Notes what `body` looks at for all instances together.
  func common<T>(_ body: () throws -> T) rethrows -> T {
    guard request != nil else { return try body() }
    return try state.withLock { $0.common }.watch(body)
  }

  /// Notes what `body` looks at for one instance, in place of what was noted before.
  func watch<T>(_ position: Int, _ body: () throws -> T) rethrows -> T {
    guard request != nil else { return try body() }
    let observations = state.withLock { state in
      let fresh = Observations(clock: state.clock)
      state.byInstance[position] = fresh
      return fresh
    }
    return try observations.watch(body)
  }

  /// Adds what `body` looks at to the observations of one instance.
  func add<T>(_ position: Int, _ body: () throws -> T) rethrows -> T {
    guard let observations = state.withLock({ $0.byInstance[position] }) else { return try body() }
    return try observations.watch(body)
  }

  /// Observations of this instance no longer hold.
  func drop(_ position: Int) { state.withLock { $0.byInstance[position] = nil } }

  /// Saves a proof. Nothing depends on it: whatever stands in the way of it is left for the next run to find.
  /// - Parameters:
  ///   - results: by position; of all instances asked for, which are done.
  ///   - latest: path of the pipeline's latest results, which a run keeps up to date.
  func record(
    _ summary: RunSummary, pipeline: ResolvedPipeline, results: [StageResult?], evaluator: InstanceEvaluator,
    publisher: Publisher, latest: String
  ) {
    guard let request, let specification = request.specification, summary.exitCode == 0 else { return }
    // Keys then depend on the machine, which is not among the observations.
    guard pipeline.settings.arithmetic == .portable else { return }
    let positions = results.indices.filter { results[$0] != nil }
    let clock = request.store.temporary.fileSystemTime()
    let known = state.withLock { state in
      state.clock = clock
      return Set(state.byInstance.keys)
    }
    do {
      for position in positions where !known.contains(position) {
        guard let result = results[position] else { return }
        let instance = pipeline.instances[position]
        let isSettled = try watch(position) {
          let inputs = try evaluator.inputs(of: instance) { id in pipeline.position(of: id).flatMap { results[$0] } }
          guard case .upToDate(let found) = try evaluator.evaluate(instance, inputs: inputs, forced: false) else {
            return false
          }
          return found.key == result.key && found.outputs == result.outputs
            && publisher.isUpToDate(found, instance: instance.id)
        }
        guard isSettled else { return }
      }
      try common { _ = try LatestResults.read(latest) }
      guard try common({ try request.store.linkedAreSound(threads: MachineResources.cpus) }) else { return }
      let answer = RunAnswer(
        pipeline: pipeline.name, summary: summary,
        instances: positions.map { position in
          let samples = results[position]?.outputs.values.filter { $0.layout == .samples }.map(\.count).max()
          return (pipeline.instances[position].id, samples)
        })
      let seen = state.withLock { state in [state.common] + positions.compactMap { state.byInstance[$0] } }
      guard seen.count == positions.count + 1 else { return }
      try UpToDateProof.save(answer, [specification] + seen, request: request.digest, in: request.store)
    } catch {
      // An input that is gone already, or a full disk: the next run will say so.
    }
  }
}
