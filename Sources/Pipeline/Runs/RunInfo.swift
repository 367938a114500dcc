import Basics
import Foundation

/// A run as it is found on disk.
public struct RunInfo: Sendable {
  public var id: String
  public var json: JSON
  public var isActive: Bool

  public let pipeline: String
  public let file: String
  public let started: String
  /// Keys of the results, by instance; empty for a run that has not ended.
  public let keys: [String: Digest]
  public var folder: String

  /// `running`, `done`, `failed`, `waiting`, `stopped`, or `interrupted` when its process died.
  public var state: String {
    if isActive { return "running" }
    guard let summary = json["summary"] else { return "interrupted" }
    switch summary["exit_code"]?.intValue {
    case 0: return "done"
    case 3: return "waiting"
    case 1: return "failed"
    default: return "stopped"
    }
  }

  /// - Throws: `RecordProblem` naming the field that is missing or of another type.
  init(id: String, json: JSON, isActive: Bool, folder: String) throws {
    let fields = try RecordFields(json)
    (self.id, self.json, self.isActive, self.folder) = (id, json, isActive, folder)
    pipeline = try fields.read("pipeline")
    file = try fields.read("file")
    started = try fields.read("started")
    keys = try (fields.readIfPresent("results", as: [String: Outcome].self) ?? [:]).compactMapValues(\.key)
  }

  /// One instance in the record of a run; without a key when it has no result.
  private struct Outcome: RecordValue {
    var key: Digest?

    init(record: JSON) throws { key = try RecordFields(record).readIfPresent("key") }
  }

  public func logPath(_ instance: String) -> String { "\(folder)/logs/\(fileName(for: instance)).log" }
}

extension Store {
  /// All runs, the oldest first.
  public func runs() throws -> [RunInfo] {
    guard FileSystem.exists(runsFolder) else { return [] }
    return try FileSystem.names(in: runsFolder).sorted().compactMap { try run($0) }
  }

  /// A run by its id; nil when there is none, or it has not begun to write.
  /// - Throws: `StageFailure` naming the record and its field when it cannot be read.
  public func run(_ id: String) throws -> RunInfo? {
    let folder = "\(runsFolder)/\(id)"
    let path = folder + "/run.json"
    guard let data = try FileSystem.read(path) else { return nil }
    do { return try RunInfo(id: id, json: JSON(parsing: data), isActive: isActive(folder), folder: folder) } catch let
      problem as RecordProblem
    {
      throw Self.unreadable(path, problem)
    } catch let problem as JSONProblem {
      throw Self.unreadable(path, problem)
    }
  }

  private static func unreadable(_ path: String, _ problem: any Error) -> StageFailure {
    StageFailure(
      "the record of a run, \(path), cannot be read: \(problem)",
      help: "mend it, or remove its folder: `cache gc` then no longer keeps the results of that run")
  }

  private func isActive(_ folder: String) throws -> Bool {
    let locking = try locking
    if locking.mode == .leases {
      let path = folder + "/lease"
      guard let record = LeaseFile.read(path), !record.isReleased else { return false }
      if let isAlive = record.holder.isAlive { return isAlive }
      // Of another machine only heartbeats can be seen; both times are the file system's.
      guard let now = temporary.fileSystemTime(), let status = FileSystem.status(path) else { return true }
      return now - status.changed < max(locking.expiry, 4 * record.interval) * 1_000_000
    }
    let fd = open(folder + "/events.jsonl", O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return false }
    defer { close(fd) }
    return flock(fd, LOCK_EX | LOCK_NB) != 0
  }
}
