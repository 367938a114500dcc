import Basics
import Foundation

extension Store {
  /// Names `ab/cdef…` of a sharded folder as digests, with the file's path. Other names are left out.
  func entries(_ folder: String, suffix: String = "") throws -> [(digest: Digest, path: String)] {
    let base = "\(root)/\(folder)"
    guard FileSystem.exists(base) else { return [] }
    var found: [(Digest, String)] = []
    for shard in try FileSystem.names(in: base).sorted() where shard.utf8.count == 2 {
      for name in try FileSystem.names(in: base + "/" + shard).sorted() where name.hasSuffix(suffix) {
        if let digest = Digest(hex: shard + name.dropLast(suffix.count)) {
          found.append((digest, "\(base)/\(shard)/\(name)"))
        }
      }
    }
    return found
  }

  /// The contents of the store in figures.
  public struct Statistics: Sendable {
    public var blobs = 0
    public var blobBytes = 0
    public var results = 0
    public var sampleGroups = 0
    public var runs = 0
    public var scratchBytes = 0
    public var quarantined = 0
  }

  public func statistics() throws -> Statistics {
    var found = Statistics()
    for (_, path) in try entries("blobs") {
      found.blobs += 1
      found.blobBytes += FileSystem.linkStatus(path)?.size ?? 0
    }
    found.results = try entries("results", suffix: ".json").count
    found.sampleGroups = try entries("samples", suffix: ".log").count
    found.runs = FileSystem.exists(runsFolder) ? try FileSystem.names(in: runsFolder).count : 0
    found.scratchBytes = try Self.bytes(in: root + "/scratch")
    let quarantine = root + "/quarantine"
    if FileSystem.exists(quarantine) {
      found.quarantined = try FileSystem.names(in: quarantine).count { !$0.hasSuffix(".reason") }
    }
    return found
  }

  static func bytes(in folder: String) throws -> Int {
    guard let status = FileSystem.linkStatus(folder) else { return 0 }
    guard status.isDirectory else { return status.size }
    return try FileSystem.names(in: folder).reduce(0) { try $0 + bytes(in: folder + "/" + $1) }
  }

  /// Digests of everything that a result needs: manifests, files, and the listings that `explain` reads. Nil when any
  /// part of the outputs is missing.
  func closure(of result: StageResult) throws -> Set<Digest>? {
    var found: Set<Digest> = []
    for output in result.outputs.values {
      guard let part = try closure(of: output) else { return nil }
      found.formUnion(part)
    }
    // Listings may be gone without harm.
    for digest in listings(of: result) where holds(digest, size: nil) { found.insert(digest) }
    return found
  }

  /// Digests of an artifact's manifest and files; nil when any is missing.
  func closure(of output: ArtifactReference) throws -> Set<Digest>? {
    guard holds(output.digest, size: output.size) else { return nil }
    let artifact: Artifact
    do { artifact = try self.artifact(output) } catch is DamagedBlob { return nil }
    var found: Set<Digest> = [output.digest]
    for file in artifact.files.values + artifact.samples.flatMap(\.files.values) {
      if found.insert(file.digest).inserted, !holds(file.digest, size: file.size) { return nil }
    }
    return found
  }

  /// Digests of the texts that say which files of the user's entered the key.
  func listings(of result: StageResult) -> [Digest] {
    var listings = (result.preimage["sources"]?.objectValue ?? [:]).values.compactMap(\.stringValue)
    if let external = result.preimage["external"]?.stringValue { listings.append(external) }
    return listings.compactMap(Digest.init(hex:))
  }
}
