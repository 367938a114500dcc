import Basics
import Foundation

/// Runs one instance of a stage type in this process on given artifacts, as a worker does: samples on several threads with
/// derived seeds, files checked and sealed, the result read back from the store. For tests of stages, which need no file, plan or
/// run for it.
package final class InstanceDriver: Sendable {
  private let store: Store
  private let services: WorkerServices
  private let events: WorkerEventWriter

  /// - Parameter log: takes the lines that stages log.
  /// - Throws: `FileProblem` when the store cannot be made.
  package init(store: Store, log: @escaping @Sendable (String) -> Void) throws {
    try store.prepare()
    self.store = store
    events = WorkerEventWriter.discarding
    services = WorkerServices(store: store, events: events, log: log)
  }

  /// Stages are to save their work and stop, until `resume`.
  package func stop() { services.interrupt() }
  package func resume() { services.resume() }

  /// Runs the stage, whether or not its result is in the store; bad samples are left out.
  /// - Parameters:
  ///   - parameters: paths absolute.
  ///   - inputs: by port; their files may lie anywhere.
  ///   - seed: the instance's, from which those of samples are derived.
  /// - Returns: the artifact of each output port, and the classes of hardware recorded with the result.
  /// - Throws: what a worker would report; `CancellationError` when asked to stop.
  package func run(
    _ type: any Stage.Type, parameters: JSON, inputs: [String: [LabelledArtifact]], seed: UInt64, threads: Int
  ) async throws -> (artifacts: [String: Artifact], hardware: [HardwareClass]) {
    let instance = StageInstance(
      id: "instance", stage: "instance",
      opened: try OpenedStage(type, Node(parameters), shape: OpenedStage.pathShape(type)),
      seed: type.usesSeed ? seed : nil, onBadSample: .skip)
    let resolver = Resolver(store: store, salt: nil, arithmetic: .portable, threads: threads)
    let known = try inputs.mapValues { try $0.map(taken) }
    try services.flush()
    var resolution = try resolver.resolve(instance, inputs: known)
    let samples = try resolver.samples(&resolution)
    let job = WorkerJob(
      instance: instance, mode: .full, run: "in-process", store: store.root, durable: store.durable,
      key: resolution.key, group: resolution.group, inputs: known, sources: resolution.sources, samples: samples,
      withheld: [:], force: true, threads: threads, listings: resolution.listings)
    try await WorkerRun(job: job, store: store, services: services, events: events, remote: nil)()
    guard let result = try store.result(resolution.key.digest) else {
      throw StageFailure("`\(type.type)` left no result")
    }
    return (try result.outputs.mapValues { try store.artifact($0) }, result.made.hardware)
  }

  /// Puts an artifact into the store.
  private func taken(_ input: LabelledArtifact) throws -> KnownInput {
    let artifact = input.artifact
    for file in artifact.samples.flatMap(\.files.values) + artifact.files.values { try services.seal(file) }
    let layout: OutputPort.Layout = artifact.samples.isEmpty && !artifact.files.isEmpty ? .files : .samples
    let manifest = try services.store(
      Manifest.encode(
        kind: artifact.kind, layout: layout, samples: artifact.samples, files: artifact.files,
        rejected: artifact.rejected))
    return KnownInput(
      instance: input.instance, labels: input.labels,
      reference: ArtifactReference(
        kind: artifact.kind, layout: layout, digest: manifest.digest, size: manifest.size,
        count: max(artifact.samples.count, artifact.files.count), rejected: artifact.rejected.count, bytes: 0))
  }
}
