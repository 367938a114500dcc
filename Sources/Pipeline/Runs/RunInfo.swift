import Basics
import Foundation

/// A run as it is found on disk.
public struct RunInfo: Sendable {
  public var id: String
  public var json: JSON
  public var isActive: Bool

  public var pipeline: String { json["pipeline"]?.stringValue ?? "" }
  public var file: String { json["file"]?.stringValue ?? "" }
  public var started: String { json["started"]?.stringValue ?? "" }
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

  /// Keys of the results, by instance.
  public var keys: [String: Digest] {
    (json["results"]?.objectValue ?? [:]).compactMapValues { $0["key"]?.stringValue.flatMap(Digest.init(hex:)) }
  }

  public func logPath(_ instance: String) -> String { "\(folder)/logs/\(fileName(for: instance)).log" }
}

extension Store {
  /// All runs, the oldest first.
  public func runs() throws -> [RunInfo] {
    guard FileSystem.exists(runsFolder) else { return [] }
    return try FileSystem.names(in: runsFolder).sorted().compactMap { try run($0) }
  }

  /// A run by its id; nil when there is none.
  public func run(_ id: String) throws -> RunInfo? {
    let folder = "\(runsFolder)/\(id)"
    guard let data = try FileSystem.read(folder + "/run.json"), let json = try? JSON(parsing: data) else { return nil }
    return RunInfo(id: id, json: json, isActive: isActive(folder), folder: folder)
  }

  private func isActive(_ folder: String) -> Bool {
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
