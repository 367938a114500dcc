import Basics
import Foundation
import Synchronization

/// A run's own folder: what was asked for, what happened, logs. Made only when there is work to do.
///
///     runs/<id>/run.json        the frozen, resolved configuration and how the run ended
///     runs/<id>/events.jsonl    every event, one line each
///     runs/<id>/logs/           one text for each stage instance
///     runs/<id>/lease           that the run is active, where there are leases instead of locks
public final class RunRecord: Sendable {
  public let id: String
  public let folder: String
  private let store: Store
  private let events: Mutex<Int32>
  private let lease: LeaseFile?
  private let header: JSON

  /// - Throws: `FileProblem` when the folder cannot be made.
  init(pipeline: ResolvedPipeline, command: [String], store: Store) throws {
    self.store = store
    let stamp = Date().formatted(
      .verbatim(
        "\(year: .defaultDigits)\(month: .twoDigits)\(day: .twoDigits)-\(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased))\(minute: .twoDigits)\(second: .twoDigits)",
        timeZone: .gmt, calendar: .init(identifier: .gregorian)))
    id = "\(stamp)-\(String(format: "%04x", UInt16.random(in: 0 ... .max)))"
    folder = "\(store.runsFolder)/\(id)"
    try FileSystem.makeDirectories(folder + "/logs")
    try FileSystem.makeDirectories(folder + "/jobs")
    let path = folder + "/events.jsonl"
    let fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw FileProblem("create", path, code: errno) }
    // Tells others that the run is active; ends with the process.
    flock(fd, LOCK_EX | LOCK_NB)
    let locking = try store.locking
    lease = locking.mode == .leases ? try LeaseFile(creating: folder + "/lease", interval: locking.beat) : nil
    events = Mutex(fd)
    header = [
      "format": 1, "id": .string(id), "pipeline": .string(pipeline.name), "file": .string(pipeline.file),
      "command": .array(command.map(JSON.string)), "started": .string(Date().formatted(.iso8601)),
      "host": .string(Host.name), "pid": .int(Int(getpid())), "seed": .string(String(pipeline.seed)),
      "targets": .array(pipeline.targets.map(JSON.string)), "stages": .array(pipeline.instances.map(\.json)),
      "files": .array(pipeline.files.map { ["name": .string($0.name), "text": .string($0.text)] }),
    ]
    try store.write(Data((header.canonical + "\n").utf8), to: folder + "/run.json")
  }

  deinit {
    lease?.release()
    _ = events.withLock { close($0) }
  }

  func logPath(_ instance: String) -> String { "\(folder)/logs/\(fileName(for: instance)).log" }
  func jobPath(_ instance: String, _ attempt: Int) -> String {
    "\(folder)/jobs/\(fileName(for: instance))-\(attempt).json"
  }

  func append(_ event: RunEvent) {
    var members = event.json.objectValue ?? [:]
    members["time"] = .string(Date().formatted(.iso8601.time(includingFractionalSeconds: true)))
    let line = Array((JSON.object(members).canonical + "\n").utf8)
    // Losing an event to a full disk must not end the run: results are what matters.
    events.withLock { fd in line.withUnsafeBytes { _ = write(fd, $0.baseAddress, $0.count) } }
  }

  /// Writes how the run ended.
  func finish(_ summary: RunSummary, results: [String: JSON]) throws {
    var members = header.objectValue ?? [:]
    members["ended"] = .string(Date().formatted(.iso8601))
    members["summary"] = .object(summary.members)
    members["results"] = .object(results)
    try store.write(Data((JSON.object(members).canonical + "\n").utf8), to: folder + "/run.json")
    try FileSystem.removeTree(folder + "/jobs")
  }
}
