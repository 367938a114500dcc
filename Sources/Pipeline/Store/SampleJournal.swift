import Basics
import Foundation

/// The result of one sample of a stage.
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
  /// That made it; nil where no hardware changes the bytes.
  var hardware: HardwareClass?

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
    members["h"] = hardware.map { .string($0.rawValue) }
    return .object(members)
  }

  init(
    name: String, outputs: [String: Sample] = [:], files: [String: [String: StoredFile]] = [:], bad: String? = nil,
    rejected: String? = nil, preimage: JSON, hardware: HardwareClass? = nil
  ) {
    self.name = name
    self.outputs = outputs
    self.files = files
    self.bad = bad
    self.rejected = rejected
    self.preimage = preimage
    self.hardware = hardware
  }

  /// - Throws: `RecordProblem` naming the field that is missing or of another type.
  init(_ json: JSON, store: Store) throws {
    let fields = try RecordFields(json)
    let name: String = try fields.read("n")
    self.name = name
    preimage = try fields.read("k")
    outputs = try fields.read("o", as: [String: JSON].self).mapValues { sample in
      try Manifest.readSample(RecordFields(sample), name: name, store: store)
    }
    files = try (fields.readIfPresent("p", as: [String: [String: StoredFileRecord]].self) ?? [:]).mapValues { files in
      files.mapValues { store.file($0.digest, size: $0.size) }
    }
    bad = try fields.readIfPresent("b")
    rejected = try fields.readIfPresent("x")
    hardware = try fields.readIfPresent("h")
  }
}

/// The results of single samples that share everything but the sample: one line each, with its own check sum, appended
/// after the sample's blobs are durable. A line that does not have its check sum is one that a crash or a full disk cut short: it
/// counts as not written, and its sample runs again. A whole line that cannot be read is an error. Of two lines with the same
/// key the later counts.
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
    try reading {
      try Self.forEachLine(data) { key, text in
        if wanted.contains(key) { found[key] = try SampleResult(JSON(parsing: text), store: store) }
      }
    }
    return found.filter { _, result in result.storedFiles.allSatisfy { store.holds($0.digest, size: $0.size) } }
  }

  /// All results, whether or not their files are still there.
  func all() throws -> [Digest: SampleResult] {
    guard let data = try FileSystem.read(path) else { return [:] }
    return try reading { try Self.read(data, store: store) }
  }

  private func reading<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      throw StageFailure(
        "the results of samples in \(path) cannot be read: \(Diagnostic(error).message)",
        help: "use the version of the program that wrote them, or remove the file: its samples then run again")
    }
  }

  /// - Throws: `RecordProblem` or `JSONProblem` for a line that is whole but of another version.
  static func read(_ data: Data, store: Store) throws -> [Digest: SampleResult] {
    var found: [Digest: SampleResult] = [:]
    try Self.forEachLine(data) { key, text in
      found[key] = try SampleResult(JSON(parsing: text), store: store)
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
