import Basics
import Foundation
import Pipeline
import Stages
import Synchronization

/// Files of a stage under test and the driver that runs it, in a temporary folder that goes with this object.
final class TestServices: Sendable {
  let folder: URL
  let store: Store
  private let logged = Mutex<[String]>([])
  private let driver: Mutex<InstanceDriver?> = Mutex(nil)

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "stages-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = Store(root: folder.appending(path: "store").path, durable: false)
    let driver = try InstanceDriver(store: store) { [weak self] in self?.log($0) }
    self.driver.withLock { $0 = driver }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }  // a leftover in /tmp harms no test

  /// A file for an input of the stage.
  func store(_ data: Data) throws -> StoredFile {
    let digest = Digest.of(data)
    let url = folder.appending(path: digest.hex)
    try data.write(to: url)
    return StoredFile(digest: digest, size: data.count, url: url)
  }

  func store(contentsOf url: URL) throws -> StoredFile { try store(try Data(contentsOf: url)) }

  /// A logged line `stop now` asks the stage to stop.
  private func log(_ line: String) {
    logged.withLock { $0.append(line) }
    if line == "stop now" { stop() }
  }

  func run(
    _ type: any Stage.Type, _ parameters: JSON, _ inputs: [String: [LabelledArtifact]], seed: UInt64, threads: Int
  ) async throws -> (artifacts: [String: Artifact], hardware: [HardwareClass]) {
    guard let driver = driver.withLock({ $0 }) else { return ([:], []) }  // set when this was made
    return try await driver.run(type, parameters: parameters, inputs: inputs, seed: seed, threads: threads)
  }

  func stop() { driver.withLock { $0?.stop() } }
  func resume() { driver.withLock { $0?.resume() } }
  var lines: [String] { logged.withLock { $0 } }

  /// Files of this name that stopped stages have left for the next attempt.
  func scratchFiles(_ name: String) -> [String] {
    (FileManager.default.enumerator(atPath: store.root + "/scratch")?.compactMap { $0 as? String } ?? [])
      .filter { ($0 as NSString).lastPathComponent == name }
  }
}

/// What a stage under test gave.
struct StageResult {
  var artifacts: [String: Artifact]
  /// Samples whose `BadSample` was accepted, and those rejected by `finish`.
  var rejected: [String: String]
  /// The classes of hardware recorded with the result.
  var hardware: [HardwareClass]
  /// Holds the files.
  let services: TestServices

  func samples(_ port: String) -> [Sample] { artifacts[port]?.samples ?? [] }
  func sample(_ name: String, _ port: String) -> Sample? { samples(port).first { $0.name == name } }
  func text(_ path: String, _ port: String) throws -> String {
    guard let file = artifacts[port]?.files[path] else { throw MissingFile(path: path) }
    return String(decoding: try Data(contentsOf: file.url), as: UTF8.self)
  }

  struct MissingFile: Error { var path: String }
}

/// Runs stages of the catalogue with the engine's own driver: bad samples are left out, nothing is cached, no gate waits.
struct StageRunner {
  let services: TestServices

  init() throws { services = try TestServices() }

  /// - Parameters:
  ///   - parameters: paths absolute.
  ///   - inputs: artifacts by port.
  ///   - seed: the instance's.
  func run(
    _ type: StageType, _ parameters: JSON = [:], _ inputs: [String: [LabelledArtifact]] = [:], seed: UInt64 = 1,
    threads: Int = 1
  ) async throws -> StageResult {
    guard let stage = StageCatalogue.standard[type] else { throw StageFailure("no stage type \(type)") }
    let (found, hardware) = try await services.run(stage, parameters, inputs, seed: seed, threads: threads)
    let rejected = found.values.reduce(into: [String: String]()) { $0.merge($1.rejected) { first, _ in first } }
    let artifacts = found.mapValues {
      Self.artifact($0.kind, samples: $0.samples, files: $0.files, rejected: $0.rejected)
    }
    return StageResult(artifacts: artifacts, rejected: rejected, hardware: hardware, services: services)
  }

  // MARK: - Artifacts

  static func artifact(
    _ kind: ArtifactKind, samples: [Sample] = [], files: [String: StoredFile] = [:], rejected: [String: String] = [:]
  ) -> Artifact {
    Artifact(
      kind: kind, digest: digest(samples: samples, files: files), samples: samples, files: files, rejected: rejected)
  }

  /// Digest of everything an artifact says, independent of where its files lie.
  static func digest(samples: [Sample], files: [String: StoredFile]) -> Digest {
    var parts: [JSON] = files.sorted { $0.key < $1.key }.map { [.string($0.key), .string($0.value.digest.hex)] }
    for sample in samples.sorted(by: { $0.name < $1.name }) {
      let files = sample.files.mapValues { JSON.string($0.digest.hex) }
      parts.append([.string(sample.name), .object(files), .object(sample.record)])
    }
    return Digest.of(.array(parts))
  }
}

extension [String: [LabelledArtifact]] {
  /// One artifact a port.
  static func of(_ artifacts: [String: Artifact]) -> Self {
    artifacts.mapValues { [LabelledArtifact(instance: "upstream", labels: [:], artifact: $0)] }
  }
}
