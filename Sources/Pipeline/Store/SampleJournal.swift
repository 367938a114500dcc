import Basics
import Foundation

/// What one sample of a stage delivered.
struct SampleResult: Hashable, Sendable {
  var name: String
  /// By output port; a port without an entry got nothing from this sample.
  var outputs: [String: Sample]
  var files: [String: [String: StoredFile]]
  /// Why the sample is at fault, when the stage threw `BadSample`.
  var bad: String?
  /// Why the stage itself dropped the sample.
  var rejected: String?
  /// The sample's own part of the key, for `explain`.
  var preimage: JSON

  var storedFiles: [StoredFile] { outputs.values.flatMap(\.files.values) + files.values.flatMap(\.values) }

  var json: JSON {
    func file(_ file: StoredFile) -> JSON { ["d": .string(file.digest.hex), "s": .int(file.size)] }
    var members: [String: JSON] = [
      "n": .string(name), "k": preimage,
      "o": .object(
        outputs.mapValues { sample in
          ["f": .object(sample.files.mapValues(file)), "r": .object(sample.record)]
        }),
    ]
    if !files.isEmpty { members["p"] = .object(files.mapValues { .object($0.mapValues(file)) }) }
    members["b"] = bad.map(JSON.string)
    members["x"] = rejected.map(JSON.string)
    return .object(members)
  }

  init(
    name: String, outputs: [String: Sample] = [:], files: [String: [String: StoredFile]] = [:], bad: String? = nil,
    rejected: String? = nil, preimage: JSON
  ) {
    self.name = name
    self.outputs = outputs
    self.files = files
    self.bad = bad
    self.rejected = rejected
    self.preimage = preimage
  }

  init(_ json: JSON, store: Store) throws {
    name = json["n"]?.stringValue ?? ""
    preimage = json["k"] ?? .null
    outputs = [:]
    for (port, sample) in json["o"]?.objectValue ?? [:] {
      outputs[port] = try Manifest.decodeSample(sample, name: name, store: store)
    }
    files = try (json["p"]?.objectValue ?? [:]).mapValues { files in
      try (files.objectValue ?? [:]).mapValues { try Manifest.decodeFile($0, store: store) }
    }
    bad = json["b"]?.stringValue
    rejected = json["x"]?.stringValue
  }
}

/// The results of single samples that share everything but the sample: one line each, with its own check sum, appended
/// after the sample's blobs are durable. A torn last line is ignored; of two lines with the same key the later counts.
struct SampleJournal: Sendable {
  let path: String
  private let store: Store

  init(_ group: Digest, store: Store) {
    path = store.path("samples", group, ".log")
    self.store = store
  }

  /// Results by key for those keys that are asked for and whose files are all in the store.
  func results(_ wanted: Set<Digest>) throws -> [Digest: SampleResult] {
    guard !wanted.isEmpty, let data = try FileSystem.read(path) else { return [:] }
    var found: [Digest: SampleResult] = [:]
    found.reserveCapacity(wanted.count)
    try Self.forEachLine(data) { key, text in
      guard wanted.contains(key), let json = try? JSON(parsing: text) else { return }  // has its check sum
      found[key] = try SampleResult(json, store: store)
    }
    return found.filter { _, result in result.storedFiles.allSatisfy { store.holds($0.digest, size: $0.size) } }
  }

  /// All results, whether or not their files are still there.
  func all() throws -> [Digest: SampleResult] {
    guard let data = try FileSystem.read(path) else { return [:] }
    return try Self.read(data, store: store)
  }

  static func read(_ data: Data, store: Store) throws -> [Digest: SampleResult] {
    var found: [Digest: SampleResult] = [:]
    try Self.forEachLine(data) { key, text in
      if let json = try? JSON(parsing: text) { found[key] = try SampleResult(json, store: store) }  // has its check sum
    }
    return found
  }

  func append(_ results: [(key: Digest, result: SampleResult)]) throws {
    guard !results.isEmpty else { return }
    var text: [UInt8] = []
    for (key, result) in results { text += Self.line(key, result).utf8 }
    try store.append(Data(text), to: path)
  }

  static func line(_ key: Digest, _ result: SampleResult) -> String {
    let text = result.json.canonical
    return "\(key.hex) \(Digest.of(text).hex.prefix(16)) \(text)\n"
  }

  /// Calls `body` for each whole line: 64 digits of key, 16 of check sum, the record.
  private static func forEachLine(_ data: Data, _ body: (Digest, UnsafeRawBufferPointer) throws -> Void) throws {
    try data.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count {
        guard let newline = memchr(bytes.baseAddress! + start, 10, bytes.count - start) else { break }  // not empty
        let end = UnsafeRawPointer(newline) - bytes.baseAddress!
        let line = bytes[start..<end]
        start = end + 1
        guard line.count > 82 else { continue }
        let base = line.startIndex
        let text = UnsafeRawBufferPointer(rebasing: line[(base + 82)...])
        guard let key = Digest(hexBytes: UnsafeRawBufferPointer(rebasing: line[base..<(base + 64)])) else { continue }
        let checkSum = UnsafeRawBufferPointer(rebasing: line[(base + 65)..<(base + 81)])
        guard Digest.of(text).hexBytes.prefix(16).elementsEqual(checkSum) else { continue }
        try body(key, text)
      }
    }
  }
}
