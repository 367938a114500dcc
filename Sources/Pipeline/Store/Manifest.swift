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

  public init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(
      kind: try fields.read("kind"), layout: try fields.read("layout"), digest: try fields.read("digest"),
      size: try fields.read("size"), count: try fields.read("count"), rejected: try fields.read("rejected"),
      bytes: try fields.read("bytes"))
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

extension ArtifactReference: RecordValue {}
extension ArtifactKind: RecordValue {}
extension OutputPort.Layout: RecordValue {}

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

  /// - Throws: `DamagedBlob` saying which line cannot be read: a manifest has its digest, so it is none, or of another version.
  static func decode(_ data: Data, digest: Digest, store: Store) throws -> Contents {
    var number = 0
    do {
      return try data.withUnsafeBytes { bytes in
        var samples: [Sample] = []
        var digests: [String: Digest] = [:]
        var files: [String: StoredFile] = [:]
        var rejected: [String: String] = [:]
        var header: (kind: ArtifactKind, layout: OutputPort.Layout)?
        var start = 0
        while start < bytes.count {
          let newline = memchr(bytes.baseAddress! + start, 10, bytes.count - start)  // not empty
          let end = newline.map { UnsafeRawPointer($0) - bytes.baseAddress! } ?? bytes.count
          let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
          start = end + 1
          number += 1
          let fields = try RecordFields(JSON(parsing: line))
          if header == nil {
            header = (try fields.read("kind"), try fields.read("layout"))
          } else if let name = try fields.readIfPresent("n", as: String.self) {
            samples.append(try readSample(fields, name: name, store: store))
            digests[name] = Digest.of(line)
          } else if let path = try fields.readIfPresent("p", as: String.self) {
            files[path] = try readFile(fields, store: store)
          } else {
            rejected[try fields.read("x")] = try fields.read("w", as: String.self)
          }
        }
        guard let header else { throw RecordProblem("there is no header") }
        return Contents(
          artifact: Artifact(kind: header.kind, digest: digest, samples: samples, files: files, rejected: rejected),
          layout: header.layout, sampleDigests: digests)
      }
    } catch {
      throw DamagedBlob(digest: digest, reason: "not a manifest, line \(number): \(Diagnostic(error).message)")
    }
  }

  static func readSample(_ fields: RecordFields, name: String, store: Store) throws -> Sample {
    Sample(name: name, files: try readFiles(fields, "f", store: store), record: try fields.read("r"))
  }

  static func readFiles(_ fields: RecordFields, _ name: String, store: Store) throws -> [String: StoredFile] {
    try fields.read(name, as: [String: StoredFileRecord].self).mapValues { store.file($0.digest, size: $0.size) }
  }

  private static func readFile(_ fields: RecordFields, store: Store) throws -> StoredFile {
    store.file(try fields.read("d"), size: try fields.read("s"))
  }
}

/// A file of the store as records name it.
struct StoredFileRecord: RecordValue {
  var digest: Digest
  var size: Int

  init(record: JSON) throws {
    let fields = try RecordFields(record)
    digest = try fields.read("d")
    size = try fields.read("s")
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
