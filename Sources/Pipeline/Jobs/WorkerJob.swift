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
  var json: JSON {
    var members: [String: JSON] = [
      "format": 1, "instance": instance.json, "mode": .string(mode.rawValue), "run": .string(run),
      "store": .string(store), "durable": .bool(durable), "key": key.preimage, "group": group?.preimage ?? .null,
      "inputs": .object(
        inputs.mapValues {
          .array(
            $0.map {
              [
                "instance": .string($0.instance), "labels": .object($0.labels), "artifact": $0.reference.json,
              ]
            })
        }),
      "sources": .object(sources.mapValues { .array($0.files.map(\.json)) }),
      "samples": .array(samples.map(\.json)), "withheld": .object(withheld.mapValues(JSON.string)),
      "force": .bool(force), "threads": .int(threads),
      "listings": .array(listings.map { .string(String(decoding: $0, as: UTF8.self)) }),
    ]
    members["slurm"] = slurmFolder.map(JSON.string)
    return .object(members)
  }

  /// - Throws: `StageFailure` when the file is not a job of this version.
  init(json: JSON, catalogue: StageCatalogue) throws {
    guard json["format"] == 1, let instance = json["instance"], let key = json["key"],
      let mode = json["mode"]?.stringValue.flatMap(WorkMode.init(rawValue:)), let store = json["store"]?.stringValue
    else { throw StageFailure("the job file is not one of this version's") }
    self.instance = try StageInstance(json: instance, catalogue: catalogue)
    self.mode = mode
    self.store = store
    run = json["run"]?.stringValue ?? ""
    durable = json["durable"]?.boolValue ?? true
    self.key = StageKey(key)
    group = json["group"].flatMap { $0 == .null ? nil : StageKey($0) }
    inputs = (json["inputs"]?.objectValue ?? [:]).mapValues { artifacts in
      (artifacts.arrayValue ?? []).compactMap { item in
        item["artifact"].flatMap(ArtifactReference.init).map {
          KnownInput(
            instance: item["instance"]?.stringValue ?? "", labels: item["labels"]?.objectValue ?? [:], reference: $0)
        }
      }
    }
    sources = (json["sources"]?.objectValue ?? [:]).mapValues {
      SourceListing(files: ($0.arrayValue ?? []).compactMap(SourceFile.init))
    }
    samples = (json["samples"]?.arrayValue ?? []).compactMap(SampleWork.init)
    withheld = (json["withheld"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
    force = json["force"]?.boolValue ?? false
    threads = json["threads"]?.intValue ?? 1
    slurmFolder = json["slurm"]?.stringValue
    listings = (json["listings"]?.arrayValue ?? []).compactMap { $0.stringValue.map { Data($0.utf8) } }
  }
}

extension SourceFile {
  var json: JSON {
    var members: [String: JSON] = [
      "p": .string(path), "d": .string(stored.digest.hex), "s": .int(stored.size), "u": .string(stored.path),
    ]
    if let hashed {
      members["h"] = [
        .int(hashed.status.modified), .int(hashed.status.changed), .string(String(hashed.status.inode)),
        .string(String(hashed.status.device)), .int(Int(hashed.status.mode)), .bool(hashed.racy),
      ]
    }
    return .object(members)
  }

  init?(_ json: JSON) {
    guard let path = json["p"]?.stringValue, let digest = json["d"]?.stringValue.flatMap(Digest.init(hex:)),
      let size = json["s"]?.intValue, let place = json["u"]?.stringValue
    else { return nil }
    self.path = path
    stored = StoredFile(digest: digest, size: size, path: place)
    if let h = json["h"]?.arrayValue, h.count == 6, let modified = h[0].intValue, let changed = h[1].intValue,
      let inode = h[2].stringValue.flatMap(UInt64.init), let device = h[3].stringValue.flatMap(UInt64.init),
      let mode = h[4].intValue, let racy = h[5].boolValue
    {
      hashed = HashedFile(
        path: place, digest: digest,
        status: FileSystem.Status(
          size: size, modified: modified, changed: changed, inode: inode, device: device,
          mode: UInt32(truncatingIfNeeded: mode)),
        racy: racy)
    }
  }
}

extension SampleWork {
  var json: JSON {
    var members: [String: JSON] = [
      "n": .string(name), "k": .string(key.hex), "i": preimage, "c": .string(content.hex),
    ]
    members["s"] = source?.json
    if !external.isEmpty { members["e"] = .object(external.mapValues(\.json)) }
    if !missing.isEmpty { members["m"] = .array(missing.map(JSON.string)) }
    members["b"] = problem.map(JSON.string)
    return .object(members)
  }

  init?(_ json: JSON) {
    guard let name = json["n"]?.stringValue, let key = json["k"]?.stringValue.flatMap(Digest.init(hex:)),
      let content = json["c"]?.stringValue.flatMap(Digest.init(hex:))
    else { return nil }
    self.init(
      name: name, key: key, preimage: json["i"] ?? .null, source: json["s"].flatMap(SourceFile.init),
      external: (json["e"]?.objectValue ?? [:]).compactMapValues(SourceFile.init),
      missing: (json["m"]?.arrayValue ?? []).compactMap(\.stringValue), problem: json["b"]?.stringValue,
      content: content)
  }
}

extension WorkerJob {
  /// Reads a job file.
  static func read(_ path: String, _ catalogue: StageCatalogue) throws -> WorkerJob {
    guard let data = try FileSystem.read(path) else { throw FileProblem("read", path, code: ENOENT) }
    return try WorkerJob(json: JSON(parsing: data), catalogue: catalogue)
  }
}
