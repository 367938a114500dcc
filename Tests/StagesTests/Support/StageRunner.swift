import Basics
import Foundation
import Pipeline
import Stages
import Synchronization

/// Files of a stage under test, in a temporary folder that goes with this object.
final class TestServices: StageServices {
  let folder: URL
  private let state = Mutex(State())

  private struct State {
    var lines: [String] = []
    var stopping = false
  }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "stages-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }  // a leftover in /tmp harms no test

  func store(_ data: Data) throws -> StoredFile {
    let digest = Digest.of(data)
    let url = folder.appending(path: digest.hex)
    try data.write(to: url)
    return StoredFile(digest: digest, size: data.count, url: url)
  }

  func store(contentsOf url: URL) throws -> StoredFile { try store(try Data(contentsOf: url)) }
  func report(_ progress: StageProgress) {}
  /// A logged line `stop now` asks the stage to stop.
  func log(_ line: String) {
    state.withLock {
      $0.lines.append(line)
      if line == "stop now" { $0.stopping = true }
    }
  }
  var isStopping: Bool { state.withLock { $0.stopping } }
  func stop() { state.withLock { $0.stopping = true } }
  func resume() { state.withLock { $0.stopping = false } }
  var lines: [String] { state.withLock { $0.lines } }
}

/// What a stage under test gave.
struct StageResult {
  var artifacts: [String: Artifact]
  /// Samples whose `BadSample` was accepted, and those rejected by `finish`.
  var rejected: [String: String]
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

/// Runs a stage as the engine would, without the engine: no cache, no gate, bad samples collected.
struct StageRunner {
  let services: TestServices

  init() throws { services = try TestServices() }

  /// Runs a stage type of the catalogue.
  /// - Parameter inputs: artifacts by port; several under one port are labelled `<port>@<n>` unless given labelled.
  func run(
    _ type: StageType, _ parameters: JSON = [:], _ inputs: [String: [LabelledArtifact]] = [:], seed: UInt64 = 1,
    threads: Int = 1
  ) async throws -> StageResult {
    guard let stage = StageCatalogue.standard[type] else { throw StageFailure("no stage type \(type)") }
    return try await run(stage, parameters, inputs, seed: seed, threads: threads)
  }

  private func run<S: Stage>(
    _ stage: S.Type, _ json: JSON, _ inputs: [String: [LabelledArtifact]], seed: UInt64, threads: Int
  ) async throws -> StageResult {
    let parameters = try S.Parameters(parameter: Node(json))
    let ports = S.outputs(for: parameters)
    let collector = OutputCollector()
    var rejected: [String: String] = [:]
    if let sampleStage = S() as? any SampleStage {
      rejected = try runSamples(sampleStage, parameters, inputs, collector, seed)
    } else {
      let scratch = services.folder.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      var sources: [String: [(path: String, file: StoredFile)]] = [:]
      for source in S().sources(parameters) { sources[source.name] = try files(of: source, inputs) }
      try await S().run(
        StageContext(
          inputs: inputs, sources: sources, seed: seed, threads: threads, scratch: scratch, services: services,
          outputs: collector), parameters)
    }
    rejected.merge(collector.rejected) { _, new in new }
    var artifacts: [String: Artifact] = [:]
    for port in ports {
      artifacts[port.name] = Self.artifact(
        port.kind, samples: collector.samples(port.name), files: collector.files(port.name), rejected: rejected)
    }
    return StageResult(artifacts: artifacts, rejected: rejected, services: services)
  }

  private func runSamples<S: SampleStage>(
    _ stage: S, _ parameters: Any, _ inputs: [String: [LabelledArtifact]], _ collector: OutputCollector, _ seed: UInt64
  ) throws -> [String: String] {
    guard let parameters = parameters as? S.Parameters else { throw StageFailure("parameters of another stage") }
    var rejected: [String: String] = [:]
    var names: [(name: String, source: StoredFile?, path: String?)] = []
    switch S.over {
    case .input(let port): names = (inputs[port]?.first?.artifact.samples ?? []).map { ($0.name, nil, nil) }
    case .source(let name):
      for source in stage.sources(parameters) where source.name == name {
        names = try files(of: source, inputs).map { path, file in
          (URL(filePath: path).deletingPathExtension().relativePath, file, path)
        }.map { (String($0.0.drop { $0 == "/" }), $0.1, $0.2) }
      }
    }
    names.sort { naturallyPrecedes($0.name, $1.name) }
    for (name, source, path) in names {
      var samples: [String: Sample] = [:]
      var rest: [String: [LabelledArtifact]] = [:]
      for port in S.inputs {
        if port.lookup { continue }
        if port.arity == .many {
          rest[port.name] = inputs[port.name] ?? []
        } else if let sample = inputs[port.name]?.first?.artifact.samples.first(where: { $0.name == name }) {
          samples[port.name] = sample
        }
      }
      var external: [String: StoredFile] = [:]
      for file in stage.externalFiles(for: name, parameters) {
        external[file.role] = try file.candidates.lazy.compactMap { try find($0, inputs) }.first
      }
      do {
        try stage.run(
          sample: SampleContext(
            name: name, samples: samples, inputs: rest, source: source, sourcePath: path, external: external,
            seed: seed,
            services: services, outputs: collector), parameters)
      } catch let bad as BadSample {
        collector.reject(name, bad.reason)
        rejected[name] = bad.reason
      }
    }
    try stage.finish(
      CollectContext(outputs: collector, rejected: rejected, services: services, seed: seed), parameters)
    return rejected
  }

  private func find(_ candidate: String, _ inputs: [String: [LabelledArtifact]]) throws -> StoredFile? {
    guard candidate.hasPrefix("input:") else {
      return FileManager.default.fileExists(atPath: candidate)
        ? try services.store(contentsOf: URL(filePath: candidate)) : nil
    }
    let parts = candidate.dropFirst(6).split(separator: "/", maxSplits: 1).map(String.init)
    return parts.count == 2 ? inputs[parts[0]]?.first?.artifact.files[parts[1]] : nil
  }

  private func files(
    of source: ExternalSource, _ inputs: [String: [LabelledArtifact]]
  ) throws -> [(path: String, file: StoredFile)] {
    func counts(_ path: String) -> Bool {
      source.extensions.isEmpty || source.extensions.contains(URL(filePath: path).pathExtension.lowercased())
    }
    if source.path.hasPrefix("input:") {
      let parts = source.path.dropFirst(6).split(separator: "/", maxSplits: 1).map(String.init)
      let below = parts.count == 2 ? parts[1] + "/" : ""
      return (inputs[parts[0]]?.first?.artifact.files ?? [:]).filter { $0.key.hasPrefix(below) && counts($0.key) }
        .map { (String($0.key.dropFirst(below.count)), $0.value) }
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder) else {
      throw StageFailure("\(source.path) does not exist")
    }
    if !isFolder.boolValue {
      let url = URL(filePath: source.path)
      return [(url.lastPathComponent, try services.store(contentsOf: url))]
    }
    return try FileManager.default.subpathsOfDirectory(atPath: source.path).filter(counts).sorted().map {
      ($0, try services.store(contentsOf: URL(filePath: source.path).appending(path: $0)))
    }
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
