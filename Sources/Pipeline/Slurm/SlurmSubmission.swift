import Basics
import Foundation

/// One submission of a job: a folder in the store through which runner and worker speak, and which outlives both.
///
///     slurm/<key>/<n>.<random>/      `<key>-samples` for work ahead of a gate
///       job.json launch.sh job.sh    what the job runs
///       intent.json                  written before `sbatch`: from here on the job may be in the queue
///       id.json                      its id in the queue
///       events.jsonl log             what the worker reports and writes
///       rounds.json                  what earlier rounds of the job achieved
///       outcome.json                 how the work ended, written by the worker itself
///       closed                       nobody waits for this job any more; should it start late, it ends at once
///
/// Every record is there whole or not at all. The folder's name is unique, and the job's working folder: a job that was
/// submitted by a runner that died before it noted the id is found by it.
struct SlurmSubmission: Sendable {
  let folder: String
  let store: Store

  init(folder: String, store: Store) {
    self.folder = folder
    self.store = store
  }

  /// A submission of which only the folder is known.
  init(at folder: String) {
    let root = (0..<3).reduce(folder) { path, _ in (path as NSString).deletingLastPathComponent }
    self.init(folder: folder, store: Store(root: root))
  }

  static func root(_ store: Store) -> String { store.root + "/slurm" }

  private static func parent(_ job: WorkerJob, _ store: Store) -> String {
    "\(root(store))/\(job.key.digest.hex)" + (job.mode == .samplesOnly ? "-samples" : "")
  }

  /// The key of the lock that keeps two runners from submitting the same work at the same time.
  static func claim(_ job: WorkerJob) -> Digest { Digest.of("slurm \(job.mode.rawValue) \(job.key.digest.hex)") }

  /// A name that no submission had before.
  init(next job: WorkerJob, in store: Store) throws {
    let parent = Self.parent(job, store)
    let number = (try Self.numbered(parent).last?.number ?? 0) + 1
    let random = String(format: "%06x", UInt32.random(in: 0..<0x100_0000))
    self.init(folder: "\(parent)/\(number).\(random)", store: store)
  }

  /// The newest submission of this work; nil when there is none.
  static func latest(_ job: WorkerJob, in store: Store) throws -> SlurmSubmission? {
    let parent = parent(job, store)
    return try numbered(parent).map { SlurmSubmission(folder: "\(parent)/\($0.name)", store: store) }
      .last { try $0.intent() != nil }
  }

  /// All submissions of a store that nobody has closed.
  static func open(in store: Store) throws -> [SlurmSubmission] {
    guard FileSystem.exists(root(store)) else { return [] }  // never a job from here
    return try FileSystem.names(in: root(store)).sorted().flatMap { key in
      let parent = "\(root(store))/\(key)"
      return try numbered(parent).map { SlurmSubmission(folder: "\(parent)/\($0.name)", store: store) }
        .filter { try !$0.isClosed && $0.intent() != nil }
    }
  }

  private static func numbered(_ parent: String) throws -> [(number: Int, name: String)] {
    guard FileSystem.exists(parent) else { return [] }
    let names: [String]
    // Another run may just have removed it, because the work is done.
    do { names = try FileSystem.names(in: parent) } catch let problem as FileProblem where problem.code == ENOENT {
      return []
    }
    return names.compactMap { name in
      name.split(separator: ".").first.flatMap { Int($0) }.map { ($0, name) }
    }.sorted { $0.0 < $1.0 }
  }

  // MARK: - Records

  var jobPath: String { folder + "/job.json" }
  var launchPath: String { folder + "/launch.sh" }
  var scriptPath: String { folder + "/job.sh" }
  var eventsPath: String { folder + "/events.jsonl" }
  var logPath: String { folder + "/log" }
  private var outcomePath: String { folder + "/outcome.json" }
  private var closedPath: String { folder + "/closed" }

  /// Nil when it is not there. Records are written whole, so one that cannot be read is damaged or of another version: to take it
  /// for none would be to submit the same work twice, or to wait for ever.
  /// - Throws: `StageFailure` naming the record and its field.
  private func record<Value>(_ name: String, _ read: (RecordFields) throws -> Value) throws -> Value? {
    let path = "\(folder)/\(name)"
    guard let data = try FileSystem.read(path) else { return nil }
    do { return try read(RecordFields(JSON(parsing: data))) } catch {
      throw StageFailure(
        "the record of a Slurm job, \(path), cannot be read: \(Diagnostic(error).message)",
        help: "once `squeue` does not show the job any more, remove \(folder) and run the same command again")
    }
  }

  /// The runner's note before it submitted the job.
  struct Intent: Sendable {
    var pipeline: String
    var instance: String
  }

  private func set(_ name: String, _ json: JSON) throws {
    try store.write(Data((json.canonical + "\n").utf8), to: "\(folder)/\(name)")
  }

  var isThere: Bool { FileSystem.exists(folder + "/intent.json") }

  func intent() throws -> Intent? {
    try record("intent.json") { fields in
      let format: Int = try fields.read("format")
      guard format == 1 else { throw RecordProblem("is \(format), which this version does not know", path: ["format"]) }
      return Intent(pipeline: try fields.read("pipeline"), instance: try fields.read("instance"))
    }
  }

  /// Everything the job needs first, the intent last.
  func prepare(_ job: WorkerJob, launch: String, script: String, intent: [String: JSON], rounds: SlurmRounds?) throws {
    try store.prepareFolder(folder)
    try store.write(Data(job.json.canonical.utf8), to: jobPath, sync: .bytes)
    // May hold the password of a cache.
    try store.write(Data(launch.utf8), to: launchPath, mode: 0o600, sync: .bytes)
    try store.write(Data(script.utf8), to: scriptPath, mode: 0o755, sync: .bytes)
    if let rounds { try set(rounds: rounds) }
    try set("intent.json", .object(intent.merging(["format": 1]) { $1 }))
  }

  /// As the runner noted it; else as the worker says.
  func id() throws -> String? {
    try record("id.json") { try $0.read("job") } ?? SlurmEvents.firstJob(in: eventsPath)
  }

  func note(id: String) throws { try set("id.json", ["job": .string(id)]) }

  func rounds() throws -> SlurmRounds { try record("rounds.json", SlurmRounds.init) ?? SlurmRounds() }
  func set(rounds: SlurmRounds) throws { try set("rounds.json", rounds.json) }

  func outcome() throws -> WorkerEvent? { try record("outcome.json") { try $0.read("event") } }
  var hasOutcome: Bool { FileSystem.exists(outcomePath) }
  func set(outcome: WorkerEvent, job: String) throws {
    try set("outcome.json", ["job": .string(job), "event": outcome.json])
  }

  var isClosed: Bool { FileSystem.exists(closedPath) }

  /// From now on the next run submits anew.
  func close(_ reason: String) throws {
    guard isThere else { return }
    try store.write(Data((reason + "\n").utf8), to: closedPath)
  }

  /// The work is done: what is left of it is the log.
  /// - Parameter log: where the log goes.
  func remove(keeping log: String) throws {
    if FileSystem.exists(logPath) { try FileSystem.rename(logPath, to: log) }
    try FileSystem.removeTree(folder)
    let parent = (folder as NSString).deletingLastPathComponent
    for earlier in try Self.numbered(parent) where FileSystem.exists("\(parent)/\(earlier.name)/closed") {
      try FileSystem.removeTree("\(parent)/\(earlier.name)")
    }
    rmdir(parent)  // not empty: another submission goes on
  }
}
