import Basics
import Foundation

/// The result of a stage under its key.
public struct StageResult: Hashable, Sendable {
  public var key: Digest
  /// Everything that entered the key, so that `explain` can say what differs.
  public var preimage: JSON
  public var outputs: [String: ArtifactReference]
  /// Facts for people; nothing depends on them.
  public var made: Made

  public struct Made: Hashable, Sendable {
    public var instance: String
    public var run: String
    /// ISO 8601.
    public var time: String
    /// Wall-clock seconds of the work.
    public var seconds: Double
    public var samplesRun: Int
    public var samplesReused: Int
    public var host: String
    /// The classes of hardware that made it, in the order of the work; empty where no hardware changes the bytes, and in records of
    /// versions that did not say.
    public var hardware: [HardwareClass]

    public init(
      instance: String, run: String, time: String, seconds: Double, samplesRun: Int = 0, samplesReused: Int = 0,
      host: String = "", hardware: [HardwareClass] = []
    ) {
      self.instance = instance
      self.run = run
      self.time = time
      self.seconds = seconds
      self.samplesRun = samplesRun
      self.samplesReused = samplesReused
      self.host = host
      self.hardware = hardware
    }

    fileprivate var json: JSON {
      var members: [String: JSON] = [
        "instance": .string(instance), "run": .string(run), "time": .string(time), "seconds": .double(seconds),
        "samples_run": .int(samplesRun), "samples_reused": .int(samplesReused), "host": .string(host),
      ]
      if !hardware.isEmpty { members["hardware"] = .array(hardware.map { .string($0.rawValue) }) }
      return .object(members)
    }
  }

  var json: JSON {
    [
      "format": 1, "key": .string(key.hex), "preimage": preimage, "outputs": .object(outputs.mapValues(\.json)),
      "made": made.json,
    ]
  }

  public init(record: JSON) throws {
    let fields = try RecordFields(record)
    let format: Int = try fields.read("format")
    guard format == 1 else { throw RecordProblem("is \(format), which this version does not know", path: ["format"]) }
    key = try fields.read("key")
    preimage = try fields.read("preimage")
    outputs = try fields.read("outputs")
    made = try fields.readNested("made") { fields in
      Made(
        instance: try fields.read("instance"), run: try fields.read("run"), time: try fields.read("time"),
        seconds: try fields.read("seconds"), samplesRun: try fields.read("samples_run"),
        samplesReused: try fields.read("samples_reused"), host: try fields.read("host"),
        hardware: try fields.readIfPresent("hardware") ?? [])
    }
  }

  init(key: Digest, preimage: JSON, outputs: [String: ArtifactReference], made: Made) {
    self.key = key
    self.preimage = preimage
    self.outputs = outputs
    self.made = made
  }
}

extension Store {
  func resultPath(_ key: Digest) -> String { path("results", key, ".json") }

  /// The result under a key; nil when there is none, or none that is whole. Damaged records go to quarantine.
  public func result(_ key: Digest) throws -> StageResult? {
    if distrusted.withLock({ $0.contains(key) }) { return nil }
    let path = resultPath(key)
    guard let data = try FileSystem.read(path) else { return nil }
    let result: StageResult
    do { result = try Self.readResult(data, key: key) } catch {
      try quarantine(path, reason: "the record is not readable: \(Diagnostic(error).message)")
      return nil
    }
    // A result whose content is gone is no result. A glance at each manifest; `cache verify` looks at every file.
    for output in result.outputs.values where !holds(output.digest, size: output.size) { return nil }
    return result
  }

  /// Makes a result visible. All its blobs must be stored.
  func record(_ result: StageResult) throws {
    try write(Self.encodeRecord(result.json), to: resultPath(result.key))
  }

  func forget(_ key: Digest) throws { try FileSystem.unlink(resultPath(key)) }

  /// A line of JSON and its digest.
  static func encodeRecord(_ json: JSON) -> Data {
    let text = json.canonical
    return Data((text + "\n" + Digest.of(text).hex + "\n").utf8)
  }

  /// The record of a result.
  /// - Throws: `RecordProblem` or `JSONProblem` when it is not whole, of another version, or another's.
  static func readResult(_ data: Data, key: Digest) throws -> StageResult {
    let result = try StageResult(record: readRecord(data))
    guard result.key == key else { throw RecordProblem("is that of another record", path: ["key"]) }
    return result
  }

  /// - Throws: `RecordProblem` unless the text is whole and has its digest; `JSONProblem` when it is not JSON all the same.
  static func readRecord(_ data: Data) throws -> JSON {
    try data.withUnsafeBytes { bytes -> JSON in
      guard let base = bytes.baseAddress, let newline = memchr(base, 10, bytes.count) else {
        throw RecordProblem("the text ends too early")
      }
      let end = UnsafeRawPointer(newline) - base
      guard bytes.count == end + 66, bytes[end + 65] == 10 else { throw RecordProblem("the text has no digest") }
      let text = UnsafeRawBufferPointer(rebasing: bytes[..<end])
      let digest = Digest(hexBytes: UnsafeRawBufferPointer(rebasing: bytes[(end + 1)..<(end + 65)]))
      guard digest == Digest.of(text) else { throw RecordProblem("the text does not have its digest") }
      return try JSON(parsing: text)
    }
  }
}

extension StageResult: RecordValue {}
