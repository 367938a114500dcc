import Basics
import Foundation

/// All that a worker process needs to bring one stage instance up to date.
struct WorkerJob: Sendable {
  var instance: StageInstance
  var mode: WorkMode
  var run: String
  var store: String
  var durable: Bool
  var key: StageKey
  var group: StageKey?
  var inputs: [String: [KnownInput]]
  var sources: [String: SourceListing]
  var samples: [SampleWork]
  /// Samples that a gate leaves out, with the reason.
  var withheld: [String: String]
  /// Ignore results that are there already.
  var force: Bool
  var threads: Int
  var listings: [Data]
  /// Where the programs of Slurm are; nil for PATH.
  var slurmFolder: String?
}

extension WorkerJob {
  /// Raised when a worker of another version could misread a job. Format 1 left out what it did not know.
  private static let format = 2

  var json: JSON {
    let instance = self.instance.json
    return [
      "format": .int(Self.format), "instance": instance, "instance_digest": .string(Digest.of(instance).hex),
      "mode": .string(mode.rawValue), "run": .string(run),
      "store": .string(store), "durable": .bool(durable), "key": key.json, "group": group?.json ?? .null,
      "inputs": .object(inputs.mapValues { .array($0.map(\.json)) }),
      "sources": .object(sources.mapValues { .array($0.files.map(\.json)) }),
      "samples": .array(samples.map(\.json)), "withheld": .object(withheld.mapValues(JSON.string)),
      "force": .bool(force), "threads": .int(threads),
      "listings": .array(listings.map { .string(String(decoding: $0, as: UTF8.self)) }),
      "slurm": slurmFolder.map(JSON.string) ?? .null,
    ]
  }

  /// Reads all of a job or nothing: what a job lost on its way would be missing from a result under the full key.
  /// - Throws: `RecordProblem` naming the field that is missing, of another type, or not what the key says; `StageFailure` when
  ///   the job was planned by another version of the program; what `StageInstance(json:catalogue:)` throws.
  init(json: JSON, catalogue: StageCatalogue) throws {
    let fields = try RecordFields(json)
    let format: Int = try fields.read("format")
    guard format == Self.format else { throw Self.plannedByAnother("its format is \(format), not \(Self.format)") }
    // A job may wait for days; meanwhile the program can become another, whose results are not those of the key.
    let preimage = json["key"]?["preimage"]
    if let uses = json["instance"]?["uses"]?.stringValue, let type = catalogue[StageType(rawValue: uses)],
      let planned = preimage?["version"]?.intValue, planned != type.version
    {
      throw Self.plannedByAnother("`\(uses)` is version \(type.version) now, the job is for version \(planned)")
    }
    instance = try StageInstance(json: try fields.read("instance"), catalogue: catalogue)
    mode = try fields.read("mode")
    run = try fields.read("run")
    store = try fields.read("store")
    durable = try fields.read("durable")
    key = try fields.read("key")
    group = try fields.read("group")
    inputs = try fields.read("inputs")
    sources = try fields.read("sources")
    samples = try fields.read("samples")
    withheld = try fields.read("withheld")
    force = try fields.read("force")
    threads = try fields.read("threads")
    listings = try fields.read("listings", as: [String].self).map { Data($0.utf8) }
    slurmFolder = try fields.read("slurm")
    try checkAgainstKey(json)
  }

  /// The parts of the job that the key names, too, must be those of the key: the result is stored under it.
  private func checkAgainstKey(_ json: JSON) throws {
    // Paths are not in the key, and one that is not set is left out: only the digest tells whether one was lost.
    let fields = try RecordFields(json)
    guard try fields.read("instance_digest", as: Digest.self) == Digest.of(fields.read("instance", as: JSON.self))
    else {
      throw RecordProblem("does not have its digest", path: ["instance"])
    }
    for (name, value) in KeyBuilder.base(instance, salt: nil) where key.preimage[name] != value {
      throw RecordProblem("has another `\(name)` than its key", path: ["instance"])
    }
    if Set(inputs.keys) != Set(instance.inputs.keys) {
      throw RecordProblem("are not those that `\(instance.id)` reads", path: ["inputs"])
    }
    if Set(sources.keys) != Set((key.preimage["sources"]?.objectValue ?? [:]).keys) {
      throw RecordProblem("are not those of the key", path: ["sources"])
    }
    if let group,
      let other = samples.first(where: { $0.key != KeyBuilder.sample(group: group.digest, own: $0.preimage) })
    {
      throw RecordProblem("holds `\(other.name)`, which does not fit its key", path: ["samples"])
    }
    if (group == nil) != !(instance.type is any SampleStage.Type) {
      throw RecordProblem("does not fit `\(instance.type.type)`", path: ["group"])
    }
  }

  private static func plannedByAnother(_ reason: String) -> StageFailure {
    StageFailure(
      "the program was replaced while this job waited: \(reason)",
      help: "run the same command again: it plans with the new program")
  }

  /// Everything that a job reads from the store or from the user's files, for collecting garbage: needs no stage type.
  /// - Throws: `RecordProblem` naming the field that cannot be read.
  static func reads(_ json: JSON) throws -> (artifacts: [ArtifactReference], files: [SourceFile]) {
    let fields = try RecordFields(json)
    let inputs: [String: [KnownInput]] = try fields.read("inputs")
    let sources: [String: SourceListing] = try fields.read("sources")
    let samples: [SampleWork] = try fields.read("samples")
    return (
      inputs.values.flatMap { $0.map(\.reference) },
      sources.values.flatMap(\.files) + samples.flatMap { [$0.source].compactMap(\.self) + $0.external.values }
    )
  }
}

extension WorkMode: RecordValue {}

extension StageKey: RecordValue {
  /// With the digest, so that a text that changed on its way is noticed.
  var json: JSON { ["digest": .string(digest.hex), "preimage": preimage] }

  public init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(try fields.read("preimage"))
    let digest: Digest = try fields.read("digest")
    guard digest == self.digest else { throw RecordProblem("is not the digest of the key's text", path: ["digest"]) }
  }
}

extension KnownInput: RecordValue {
  var json: JSON { ["instance": .string(instance), "labels": .object(labels), "artifact": reference.json] }

  init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(
      instance: try fields.read("instance"), labels: try fields.read("labels"), reference: try fields.read("artifact"))
  }
}

extension SourceListing: RecordValue {
  init(record: JSON) throws { self.init(files: try [SourceFile](record: record)) }
}

extension SourceFile: RecordValue {
  var json: JSON {
    [
      "p": .string(path), "d": .string(stored.digest.hex), "s": .int(stored.size), "u": .string(stored.path),
      "h": hashed?.recordedStatus ?? .null,
    ]
  }

  init(record: JSON) throws {
    let fields = try RecordFields(record)
    path = try fields.read("p")
    stored = StoredFile(digest: try fields.read("d"), size: try fields.read("s"), path: try fields.read("u"))
    if let status = try fields.read("h", as: JSON?.self) {
      guard let hashed = HashedFile(stored, recordedStatus: status) else {
        throw RecordProblem("is not the status of a file", path: ["h"])
      }
      self.hashed = hashed
    }
  }
}

extension HashedFile {
  /// Modified, changed (ns), inode, device, mode, and whether it changed too recently for time stamps to tell.
  fileprivate var recordedStatus: JSON {
    [
      .int(status.modified), .int(status.changed), .string(String(status.inode)), .string(String(status.device)),
      .int(Int(status.mode)), .bool(racy),
    ]
  }

  fileprivate init?(_ stored: StoredFile, recordedStatus record: JSON) {
    guard let items = record.arrayValue, items.count == 6, let modified = items[0].intValue,
      let changed = items[1].intValue, let inode = items[2].stringValue.flatMap({ UInt64($0) }),
      let device = items[3].stringValue.flatMap({ UInt64($0) }),
      let mode = items[4].intValue.flatMap(UInt32.init(exactly:)),
      let racy = items[5].boolValue
    else { return nil }
    self.init(
      path: stored.path, digest: stored.digest,
      status: FileSystem.Status(
        size: stored.size, modified: modified, changed: changed, inode: inode, device: device, mode: mode),
      racy: racy)
  }
}

/// A job has one for each sample, perhaps a million: hence the short names.
extension SampleWork: RecordValue {
  var json: JSON {
    [
      "n": .string(name), "k": .string(key.hex), "i": preimage, "c": .string(content.hex), "s": source?.json ?? .null,
      "e": .object(external.mapValues(\.json)), "m": .array(missing.map(JSON.string)),
      "b": problem.map(JSON.string) ?? .null,
    ]
  }

  init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(
      name: try fields.read("n"), key: try fields.read("k"), preimage: try fields.read("i"),
      source: try fields.read("s"), external: try fields.read("e"), missing: try fields.read("m"),
      problem: try fields.read("b"), content: try fields.read("c"))
  }
}

extension WorkerJob {
  /// Reads a job file.
  /// - Throws: `FileProblem` when there is no such file; `StageFailure` naming the file and its field when it cannot be read.
  static func read(_ path: String, _ catalogue: StageCatalogue) throws -> WorkerJob {
    guard let data = try FileSystem.read(path) else { throw FileProblem("read", path, code: ENOENT) }
    do { return try WorkerJob(json: JSON(parsing: data), catalogue: catalogue) } catch let failure as StageFailure {
      throw failure
    } catch {
      let reason = Diagnostic(error).message
      throw StageFailure(
        "the job file \(path) cannot be read: \(reason)", help: "run the same command again: it writes a new one")
    }
  }
}
