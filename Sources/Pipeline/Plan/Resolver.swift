import Basics
import Foundation
import Synchronization

/// An input whose content is known.
struct KnownInput: Sendable {
  var instance: String
  var labels: [String: JSON]
  var reference: ArtifactReference
}

/// One sample of a stage, ready to be looked up or run.
struct SampleWork: Sendable {
  var name: String
  var key: Digest
  var preimage: JSON
  var source: SourceFile?
  var external: [String: SourceFile]
  /// Required files that are not there: what was looked for.
  var missing: [String]
  /// Why the sample cannot run at all (two files with the same name).
  var problem: String?
  /// Names the content a person approves: the sample as it came in and the files found for it.
  var content: Digest
}

extension SampleWork {
  /// What an approval binds to.
  static func content(of preimage: JSON, missing: Int, stage: String) -> Digest {
    Digest.of(JSON.object(["stage": .string(stage), "sample": preimage, "missing": .int(missing)]))
  }
}

/// An instance whose inputs are known: its key and all it reads.
struct StageResolution: Sendable {
  var instance: StageInstance
  var stage: LoadedStage
  var key: StageKey
  var inputs: [String: [KnownInput]]
  var sources: [String: SourceListing]
  /// Texts whose digests stand in the key; stored beside the result for `explain`.
  var listings: [Data]
  /// What the samples share; nil for whole stages.
  var group: StageKey?
  /// Loaded on demand: a stage found up to date never needs its samples. Natural order.
  var samples: [SampleWork]?
}

/// Turns an instance with known inputs into keys and work.
final class Resolver: Sendable {
  let store: Store
  let salt: String?
  let threads: Int
  /// The last few manifests read; neighbouring stages share them.
  private let recent = Mutex<[(Digest, Manifest.Contents)]>([])
  private let loaded = Mutex<[String: LoadedStage]>([:])

  init(store: Store, salt: String?, threads: Int) {
    self.store = store
    self.salt = salt
    self.threads = threads
  }

  func load(_ instance: StageInstance) throws -> LoadedStage {
    if let found = loaded.withLock({ $0[instance.id] }) { return found }
    let stage = try LoadedStage(instance)
    loaded.withLock { $0[instance.id] = stage }
    return stage
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
  /// - Throws: `StageFailure` and `FileProblem` about the user's files; `DamagedBlob` about an input.
  func resolve(_ instance: StageInstance, inputs: [String: [KnownInput]]) throws -> StageResolution {
    let stage = try load(instance)
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
    if let driver = stage.driver {
      group = KeyBuilder.group(
        instance, salt: salt, wholeInputs: digests(inputs) { self.entersWhole($0, $1, instance) })
      if stage.hasExternalFiles {
        let found = try work(instance, stage, driver, group!.digest, inputs, sources)  // set above
        let text = Self.externalText(found)
        listings.append(text)
        external = Digest.of(text)
        samples = found
      }
    }
    let key = KeyBuilder.stage(
      instance, salt: salt,
      inputs: digests(inputs) { port, _ in stage.driver == nil || instance.port(port)?.lookup != true },
      sources: sourceDigests, external: external)
    return StageResolution(
      instance: instance, stage: stage, key: key, inputs: inputs, sources: sources, listings: listings, group: group,
      samples: samples)
  }

  /// The samples of a sample stage with their keys, loading manifests where that has not been done yet.
  func samples(_ resolution: inout StageResolution) throws -> [SampleWork] {
    if let samples = resolution.samples { return samples }
    guard let driver = resolution.stage.driver, let group = resolution.group else { return [] }
    let samples = try work(
      resolution.instance, resolution.stage, driver, group.digest, resolution.inputs, resolution.sources)
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

  /// `input:<port>` and `input:<port>/<path>` taken apart.
  private static func inputPath(_ path: String) -> (port: String, rest: String?)? {
    guard path.hasPrefix("input:") else { return nil }
    let text = path.dropFirst(6)
    guard let slash = text.firstIndex(of: "/") else { return (String(text), nil) }
    return (String(text[..<slash]), String(text[text.index(after: slash)...]))
  }

  /// All files of the artifacts on a port: those of layout `.files` by path, samples as `<sample>/<role>`.
  private func files(of port: String, _ inputs: [String: [KnownInput]]) throws -> [String: StoredFile] {
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
    if let (port, folder) = Self.inputPath(source.path) {
      guard inputs[port]?.isEmpty == false else {
        throw StageFailure(
          "\(source.name): no folder is given and input `\(port)` is not connected", help: "give one or the other")
      }
      // As for a folder on disk, paths are below the source.
      let prefix = folder.map { $0 + "/" } ?? ""
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
    let found = try SourceScanner.scan(source)
    let hashed = try store.files.hash(found.map(\.absolute), statuses: found.map(\.status), threads: threads)
    return SourceListing(
      files: zip(found, hashed).map { SourceFile(path: $0.path, stored: $1.stored, hashed: $1) })
  }

  private func work(
    _ instance: StageInstance, _ stage: LoadedStage, _ driver: SampleDriver, _ group: Digest,
    _ inputs: [String: [KnownInput]], _ sources: [String: SourceListing]
  ) throws -> [SampleWork] {
    // Sample inputs, matched by name.
    var sampleDigests: [String: [String: Digest]] = [:]
    for (port, artifacts) in inputs where instance.arity(of: port) != .many && instance.port(port)?.lookup != true {
      guard let input = artifacts.first, input.reference.layout == .samples else { continue }
      sampleDigests[port] = try contents(input.reference).sampleDigests
    }
    var entries: [(name: String, source: SourceFile?, problem: String?)] = []
    switch driver {
    case .input(let port):
      guard let input = inputs[port]?.first else { throw StageFailure("input `\(port)` is not connected") }
      entries = try contents(input.reference).artifact.samples.map { ($0.name, nil, nil) }
    case .source(let name):
      guard let listing = sources[name] else { throw StageFailure("the stage type declares no source `\(name)`") }
      entries = Self.named(listing.files)
    }
    let external = try externalFiles(stage, entries.map(\.name), inputs)
    return entries.indices.map { index in
      let (name, source, problem) = entries[index]
      return sampleWork(
        instance, group: group, name: name, samples: sampleDigests.compactMapValues { $0[name] }, source: source,
        problem: problem, external: external[index])
    }
  }

  /// One sample with its key, from the digests of its inputs and the files found for it.
  func sampleWork(
    _ instance: StageInstance, group: Digest, name: String, samples: [String: Digest], source: SourceFile? = nil,
    problem: String? = nil, external: ExternalFiles
  ) -> SampleWork {
    let (key, preimage) = KeyBuilder.sample(
      group: group, name: name, samples: samples, source: source.map { ($0.path, $0.stored.digest) },
      external: external.found.mapValues(\.stored.digest))
    return SampleWork(
      name: name, key: key, preimage: preimage, source: source, external: external.found, missing: external.missing,
      problem: problem,
      content: SampleWork.content(of: preimage, missing: external.missing.count, stage: instance.type.type.rawValue))
  }

  /// Names samples by path without extension; those whose name is not unique carry the reason.
  private static func named(_ files: [SourceFile]) -> [(name: String, source: SourceFile?, problem: String?)] {
    let names = files.map { ($0.path as NSString).deletingPathExtension }
    let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
    var taken: [String: Int] = [:]
    return zip(names, files).map { name, file in
      guard counts[name, default: 1] > 1 else { return (name, file, nil) }
      taken[name, default: 0] += 1
      let others = files.filter { ($0.path as NSString).deletingPathExtension == name && $0.path != file.path }
      return (
        file.path, file,
        "\(file.path) and \(others.map(\.path).joined(separator: ", ")) give the same sample name `\(name)`; rename one"
      )
    }
  }

  /// The files of one sample by role, and what was looked for in vain.
  typealias ExternalFiles = (found: [String: SourceFile], missing: [String])

  /// The first candidate found of every role, hashed together on all cores.
  func externalFiles(
    _ stage: LoadedStage, _ names: [String], _ inputs: [String: [KnownInput]]
  ) throws -> [ExternalFiles] {
    guard stage.hasExternalFiles else { return Array(repeating: ([:], []), count: names.count) }
    var results: [ExternalFiles] = []
    var pending: [(sample: Int, role: String, path: String, status: FileSystem.Status)] = []
    var artifacts: [String: [String: StoredFile]] = [:]
    for (index, name) in names.enumerated() {
      var found: [String: SourceFile] = [:]
      var missing: [String] = []
      for file in stage.externalFiles(name) {
        var isThere = false
        for candidate in file.candidates {
          if let (port, rest) = Self.inputPath(candidate) {
            if artifacts[port] == nil { artifacts[port] = try files(of: port, inputs) }
            guard let rest, let stored = artifacts[port]?[rest] else { continue }
            found[file.role] = SourceFile(path: candidate, stored: stored)
          } else {
            let status = FileSystem.look(candidate)
            guard let status, status.isRegular else {
              Observations.current?.add(.status, candidate, status)
              continue
            }
            pending.append((index, file.role, candidate, status))
          }
          isThere = true
          break
        }
        if !isThere && file.required {
          missing.append("\(file.role) (looked for \(file.candidates.joined(separator: ", ")))")
        }
      }
      results.append((found, missing))
    }
    let hashed = try store.files.hash(pending.map(\.path), statuses: pending.map(\.status), threads: threads)
    for (item, file) in zip(pending, hashed) {
      results[item.sample].found[item.role] = SourceFile(path: item.path, stored: file.stored, hashed: file)
    }
    return results
  }

  /// What was found for each sample, without paths.
  private static func externalText(_ samples: [SampleWork]) -> Data {
    var text = ""
    for sample in samples {
      let files = JSON.object(sample.external.mapValues { .string($0.stored.digest.hex) })
      let line = JSON.object([
        "sample": .string(sample.name), "files": files, "missing": .int(sample.missing.count),
      ])
      text += line.canonical + "\n"
    }
    return Data(text.utf8)
  }
}
