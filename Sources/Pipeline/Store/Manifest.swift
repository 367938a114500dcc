import Basics
import Foundation

/// An artifact by reference: enough to plan with, without reading a million samples.
public struct ArtifactReference: Hashable, Sendable {
  public var kind: ArtifactKind
  public var layout: OutputPort.Layout
  /// Of the manifest, which holds the digests of everything in it: the digest of the whole content.
  public var digest: Digest
  /// Bytes of the manifest.
  public var size: Int
  /// Samples, or files where there are no samples.
  public var count: Int
  public var rejected: Int
  /// Bytes of all files.
  public var bytes: Int

  var json: JSON {
    [
      "kind": .string(kind.rawValue), "layout": .string(layout.rawValue), "digest": .string(digest.hex),
      "size": .int(size), "count": .int(count), "rejected": .int(rejected), "bytes": .int(bytes),
    ]
  }

  init?(_ json: JSON) {
    guard let kind = json["kind"]?.stringValue,
      let layout = json["layout"]?.stringValue.flatMap(OutputPort.Layout.init(rawValue:)),
      let digest = json["digest"]?.stringValue.flatMap(Digest.init(hex:)), let size = json["size"]?.intValue,
      let count = json["count"]?.intValue
    else { return nil }
    self.init(
      kind: ArtifactKind(rawValue: kind), layout: layout, digest: digest, size: size, count: count,
      rejected: json["rejected"]?.intValue ?? 0, bytes: json["bytes"]?.intValue ?? 0)
  }

  init(kind: ArtifactKind, layout: OutputPort.Layout, digest: Digest, size: Int, count: Int, rejected: Int, bytes: Int)
  {
    self.kind = kind
    self.layout = layout
    self.digest = digest
    self.size = size
    self.count = count
    self.rejected = rejected
    self.bytes = bytes
  }
}

/// The text form of an artifact: a header, then one line for each sample, file and rejection in a fixed order. Its digest
/// is the artifact's.
enum Manifest {
  /// An artifact with the digest of each of its samples.
  struct Contents: Sendable {
    var artifact: Artifact
    var layout: OutputPort.Layout
    var sampleDigests: [String: Digest]
  }

  /// A sample's line.
  private static func json(_ sample: Sample) -> JSON {
    let files = JSON.object(sample.files.mapValues { ["d": .string($0.digest.hex), "s": .int($0.size)] })
    return ["n": .string(sample.name), "f": files, "r": .object(sample.record)]
  }

  static func digest(_ sample: Sample) -> Digest { Digest.of(json(sample)) }

  static func encode(
    kind: ArtifactKind, layout: OutputPort.Layout, samples: [Sample], files: [String: StoredFile],
    rejected: [String: String]
  ) -> Data {
    var text: [UInt8] = []
    text.reserveCapacity(200 * (1 + samples.count + files.count + rejected.count))
    func add(_ json: JSON) {
      json.append(to: &text)
      text.append(10)
    }
    add(["format": 1, "kind": .string(kind.rawValue), "layout": .string(layout.rawValue)])
    // Whoever collected them has mostly sorted them already; a million names take a second to sort again.
    let isSorted = zip(samples, samples.dropFirst()).allSatisfy { naturallyPrecedes($0.name, $1.name) }
    let ordered = isSorted ? samples : samples.sorted { naturallyPrecedes($0.name, $1.name) }
    for sample in ordered { add(json(sample)) }
    for (path, file) in files.sorted(by: { naturallyPrecedes($0.key, $1.key) }) {
      add(["p": .string(path), "d": .string(file.digest.hex), "s": .int(file.size)])
    }
    for (name, reason) in rejected.sorted(by: { naturallyPrecedes($0.key, $1.key) }) {
      add(["x": .string(name), "w": .string(reason)])
    }
    return Data(text)
  }

  static func decode(_ data: Data, digest: Digest, store: Store) throws -> Contents {
    try data.withUnsafeBytes { bytes in
      var samples: [Sample] = []
      var digests: [String: Digest] = [:]
      var files: [String: StoredFile] = [:]
      var rejected: [String: String] = [:]
      var header: JSON?
      var start = 0
      while start < bytes.count {
        let newline = memchr(bytes.baseAddress! + start, 10, bytes.count - start)  // not empty
        let end = newline.map { UnsafeRawPointer($0) - bytes.baseAddress! } ?? bytes.count
        let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        start = end + 1
        let json = try JSON(parsing: line)
        if header == nil {
          header = json
        } else if let name = json["n"]?.stringValue {
          let sample = try decodeSample(json, name: name, store: store)
          samples.append(sample)
          digests[name] = Digest.of(line)
        } else if let path = json["p"]?.stringValue {
          files[path] = try decodeFile(json, store: store)
        } else if let name = json["x"]?.stringValue {
          rejected[name] = json["w"]?.stringValue ?? ""
        }
      }
      guard let kind = header?["kind"]?.stringValue,
        let layout = header?["layout"]?.stringValue.flatMap(OutputPort.Layout.init(rawValue:))
      else { throw DamagedBlob(digest: digest, reason: "not a manifest") }
      return Contents(
        artifact: Artifact(
          kind: ArtifactKind(rawValue: kind), digest: digest, samples: samples, files: files, rejected: rejected),
        layout: layout, sampleDigests: digests)
    }
  }

  static func decodeSample(_ json: JSON, name: String, store: Store) throws -> Sample {
    var files: [String: StoredFile] = [:]
    for (role, file) in json["f"]?.objectValue ?? [:] { files[role] = try decodeFile(file, store: store) }
    return Sample(name: name, files: files, record: json["r"]?.objectValue ?? [:])
  }

  static func decodeFile(_ json: JSON, store: Store) throws -> StoredFile {
    guard let digest = json["d"]?.stringValue.flatMap(Digest.init(hex:)), let size = json["s"]?.intValue else {
      throw StageFailure("a record in \(store.root) is not readable: \(json.canonical.prefix(200))")
    }
    return store.file(digest, size: size)
  }
}

extension Store {
  /// Reads an artifact.
  /// - Throws: `DamagedBlob` when its manifest is gone or damaged.
  func contents(_ reference: ArtifactReference) throws -> Manifest.Contents {
    let data = try data(reference.digest)
    return try Manifest.decode(data, digest: reference.digest, store: self)
  }

  /// Reads an artifact.
  /// - Throws: `DamagedBlob` when its manifest is gone or damaged.
  public func artifact(_ reference: ArtifactReference) throws -> Artifact { try contents(reference).artifact }
}
