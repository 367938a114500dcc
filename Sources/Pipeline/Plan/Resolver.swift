import Basics
import Foundation
import Synchronization

/// An input whose content is known.
struct KnownInput: Sendable {
  var instance: String
  var labels: [String: JSON]
  var reference: ArtifactReference
}

/// An instance whose inputs are known: its key and all it reads.
struct StageResolution: Sendable {
  var instance: StageInstance
  var stage: OpenedStage { instance.opened }
  var key: StageKey
  var inputs: [String: [KnownInput]]
  var sources: [String: SourceListing]
  /// Texts whose digests stand in the key; stored beside the result for `explain`.
  var listings: [Data]
  /// The part of the key that all samples share; nil for whole stages.
  var group: StageKey?
  /// Loaded on demand: a stage found up to date never needs its samples. Natural order.
  var samples: [SampleWork]?
}

/// Turns an instance with known inputs into keys and work.
final class Resolver: Sendable {
  let store: Store
  let salt: String?
  let arithmetic: Arithmetic
  let threads: Int
  /// The last few manifests read; neighbouring stages share them.
  private let recent = Mutex<[(Digest, Manifest.Contents)]>([])

  init(store: Store, salt: String?, arithmetic: Arithmetic, threads: Int) {
    self.store = store
    self.salt = salt
    self.arithmetic = arithmetic
    self.threads = threads
  }

  /// The class of hardware as it enters keys.
  func keyHardware(_ stage: OpenedStage) -> HardwareClass? { arithmetic == .exact ? stage.hardware : nil }

  /// The part of an instance's key that is known before its inputs are.
  func baseKey(_ instance: StageInstance) -> [String: JSON] {
    KeyBuilder.base(instance, salt: salt, hardware: keyHardware(instance.opened))
  }

  func contents(_ reference: ArtifactReference) throws -> Manifest.Contents {
    if let found = recent.withLock({ list in list.first { $0.0 == reference.digest }?.1 }), isStillThere(reference) {
      return found
    }
    let contents = try store.contents(reference)
    recent.withLock { list in
      list.removeAll { $0.0 == reference.digest }
      list.insert((reference.digest, contents), at: 0)
      if list.count > 6 { list.removeLast() }
    }
    return contents
  }

  /// Whoever keeps a record of what is looked at must see a remembered manifest too.
  private func isStillThere(_ reference: ArtifactReference) -> Bool {
    guard let observations = Observations.current else { return true }
    let path = store.blobPath(reference.digest)
    guard let status = FileSystem.look(path), status.size == reference.size else { return false }
    observations.add(content: path, status) { reference.digest }
    return true
  }

  /// - Parameter inputs: by port, in the order of the references.
  /// - Throws: `MissingSource`, `StageFailure` and `FileProblem` about the user's files; `DamagedBlob` about an input.
  func resolve(_ instance: StageInstance, inputs: [String: [KnownInput]]) throws -> StageResolution {
    let stage = instance.opened
    var listings: [Data] = []
    var sources: [String: SourceListing] = [:]
    for source in stage.sources { sources[source.name] = try listing(source, inputs) }
    var sourceDigests: [String: Digest] = [:]
    for (name, listing) in sources {
      let text = listing.text
      sourceDigests[name] = Digest.of(text)
      listings.append(text)
    }

    var group: StageKey?
    var samples: [SampleWork]?
    var external: Digest?
    if let body = stage.samples {
      group = KeyBuilder.group(
        instance, salt: salt, hardware: keyHardware(stage),
        wholeInputs: digests(inputs) { self.entersWhole($0, $1, instance) })
      if body.externalFiles != nil {
        let found = try work(instance, body, group!.digest, inputs, sources)  // set above
        let text = Self.externalText(found)
        listings.append(text)
        external = Digest.of(text)
        samples = found
      }
    }
    let key = KeyBuilder.stage(
      instance, salt: salt, hardware: keyHardware(stage),
      inputs: digests(inputs) { port, _ in stage.samples == nil || instance.port(port)?.lookup != true },
      sources: sourceDigests, external: external)
    return StageResolution(
      instance: instance, key: key, inputs: inputs, sources: sources, listings: listings, group: group,
      samples: samples)
  }

  /// The samples of a sample stage with their keys, loading manifests where that has not been done yet.
  func samples(_ resolution: inout StageResolution) throws -> [SampleWork] {
    if let samples = resolution.samples { return samples }
    guard let body = resolution.stage.samples, let group = resolution.group else { return [] }
    let samples = try work(resolution.instance, body, group.digest, resolution.inputs, resolution.sources)
    resolution.samples = samples
    return samples
  }

  /// Whether an input enters every sample's key as a whole.
  private func entersWhole(_ port: String, _ input: KnownInput, _ instance: StageInstance) -> Bool {
    if instance.port(port)?.lookup == true { return false }
    return input.reference.layout == .files || instance.arity(of: port) == .many
  }

  private func digests(
    _ inputs: [String: [KnownInput]], where include: (String, KnownInput) -> Bool
  ) -> [String: [InputDigest]] {
    var found: [String: [InputDigest]] = [:]
    for (port, artifacts) in inputs {
      let chosen = artifacts.filter { include(port, $0) }
      if chosen.isEmpty && !artifacts.isEmpty { continue }
      found[port] = chosen.map { InputDigest(instance: $0.instance, labels: $0.labels, digest: $0.reference.digest) }
    }
    return found
  }

  /// All files of the artifacts on a port: those of layout `.files` by path, samples as `<sample>/<role>`.
  func files(of port: String, _ inputs: [String: [KnownInput]]) throws -> [String: StoredFile] {
    var found: [String: StoredFile] = [:]
    for input in inputs[port] ?? [] {
      let artifact = try contents(input.reference).artifact
      found.merge(artifact.files) { first, _ in first }
      for sample in artifact.samples {
        for (role, file) in sample.files { found[sample.name + "/" + role] = file }
      }
    }
    return found
  }

  private func listing(_ source: ExternalSource, _ inputs: [String: [KnownInput]]) throws -> SourceListing {
    switch source.place {
    case .path(let path): return try listing(source, onDisk: path)
    case .input(let port, let folder):
      guard inputs[port]?.isEmpty == false else {
        throw StageFailure(
          "\(source.name): no folder is given and input `\(port)` is not connected", help: "give one or the other")
      }
      // As for a folder on disk, paths are below the source.
      let prefix = folder.isEmpty ? "" : folder + "/"
      var found: [(path: String, stored: StoredFile)] = []
      for (path, stored) in try files(of: port, inputs) where path.hasPrefix(prefix) {
        let below = String(path.dropFirst(prefix.count))
        if !source.recursive, below.contains("/") { continue }
        let isWanted =
          source.extensions.isEmpty
          || source.extensions.contains((path as NSString).pathExtension.lowercased())
        if isWanted { found.append((below, stored)) }
      }
      found.sort { naturallyPrecedes($0.path, $1.path) }
      return SourceListing(files: found.map { SourceFile(path: $0.path, stored: $0.stored) })
    }
  }

  private func listing(_ source: ExternalSource, onDisk path: String) throws -> SourceListing {
    let found = try SourceScanner.scan(source, at: path)
    let hashed = try store.files.hash(found.map(\.absolute), statuses: found.map(\.status), threads: threads)
    return SourceListing(
      files: zip(found, hashed).map { SourceFile(path: $0.path, stored: $1.stored, hashed: $1) })
  }
}
