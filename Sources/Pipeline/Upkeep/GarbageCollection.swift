import Basics
import Foundation

extension Store {
  /// The files that `cache gc` removes, or would remove.
  public struct Collection: Sendable {
    public var blobs = 0
    public var bytes = 0
    public var results = 0
    public var sampleResults = 0
    public var runs: [String] = []
    public var scratchFolders = 0
    /// The rest, which stays.
    public var keptBlobs = 0
    public var keptBytes = 0
  }

  /// Removes what nothing needs. Needed are: the latest result of every instance of every pipeline, the results of the
  /// newest `keepRuns` runs of each pipeline and of active ones, pinned results, and what jobs in a queue read. Whatever is younger than `grace` stays
  /// too, because a run may just be making use of it.
  /// - Parameters:
  ///   - dryRun: only counts.
  ///   - grace: seconds.
  public func collectGarbage(keepRuns: Int, grace: Double = 3600, dryRun: Bool) throws -> Collection {
    // Where it cannot be told how the store is locked, nothing in it may be removed.
    _ = try locking
    var report = Collection()
    let now = temporary.fileSystemTime() ?? Int(Date().timeIntervalSince1970 * 1e9)
    let youngest = now - Int(grace * 1e9)
    func isOld(_ path: String) -> Bool { FileSystem.linkStatus(path).map { $0.changed <= youngest } ?? false }

    let (keys, oldRuns) = try roots(keepRuns: keepRuns)
    var live = try readBySlurmJobs()
    var deadResults: [String] = []
    for (key, path) in try entries("results", suffix: ".json") {
      // Damaged records stay; `cache verify` says what is wrong with them.
      guard let data = try FileSystem.read(path), let result = try? Self.readResult(data, key: key) else { continue }
      if keys.contains(key) || !isOld(path) {
        live.formUnion(try closure(of: result) ?? [])
      } else {
        deadResults.append(path)
      }
    }
    report.results = deadResults.count
    var deadBlobs: [String] = []
    for (digest, path) in try entries("blobs") {
      let size = FileSystem.linkStatus(path)?.size ?? 0
      if live.contains(digest) || !isOld(path) {
        report.keptBlobs += 1
        report.keptBytes += size
      } else {
        deadBlobs.append(path)
        report.blobs += 1
        report.bytes += size
      }
    }
    // Records before what they name, so that no record ever names something that is gone.
    if !dryRun {
      for path in deadResults where isOld(path) { try FileSystem.unlink(path) }
      for path in deadBlobs where isOld(path) { try FileSystem.unlink(path) }
    }
    report.sampleResults = try collectSamples(removed: Set(deadBlobs), dryRun: dryRun)
    for run in oldRuns where isOld(run.folder + "/run.json") {
      report.runs.append(run.id)
      if !dryRun { try FileSystem.removeTree(run.folder) }
    }
    let scratch = root + "/scratch"
    if FileSystem.exists(scratch) {
      // A checkpoint is worth more than space: kept for thirty days.
      for name in try FileSystem.names(in: scratch) {
        guard let status = FileSystem.linkStatus(scratch + "/" + name), now - status.changed > 30 * 86_400_000_000_000
        else { continue }
        report.scratchFolders += 1
        if !dryRun { try FileSystem.removeTree(scratch + "/" + name) }
      }
    }
    if !dryRun {
      try removeOldSubmissions(now)
      try removeUnusedLocks(now)
    }
    return report
  }

  /// Keys to keep, and runs that are not kept.
  private func roots(keepRuns: Int) throws -> (keys: Set<Digest>, oldRuns: [RunInfo]) {
    var keys: Set<Digest> = []
    let latest = root + "/latest"
    if FileSystem.exists(latest) {
      for name in try FileSystem.names(in: latest) {
        keys.formUnion(try LatestResults.read(latest + "/" + name).values)
      }
    }
    var old: [RunInfo] = []
    for runs in Dictionary(grouping: try runs(), by: \.pipeline).values {
      let kept = runs.suffix(max(0, keepRuns))
      for run in runs {
        if run.isActive || kept.contains(where: { $0.id == run.id }) {
          keys.formUnion(run.keys.values)
        } else {
          old.append(run)
        }
      }
    }
    for pin in try pins() { keys.formUnion(pin.keys) }
    return (keys, old.sorted { $0.id < $1.id })
  }

  /// Drops results of samples whose files go.
  private func collectSamples(removed: Set<String>, dryRun: Bool) throws -> Int {
    guard !removed.isEmpty else { return 0 }
    var count = 0
    for (group, path) in try entries("samples", suffix: ".log") {
      let all = try SampleJournal(group, store: self).all()
      let kept = all.filter { _, result in
        result.storedFiles.allSatisfy { !removed.contains(blobPath($0.digest)) }
      }
      guard kept.count < all.count else { continue }
      count += all.count - kept.count
      // A stage that is at work on these samples holds the lock; its journal waits for the next collection.
      guard !dryRun, let lock = try KeyLock.tryAcquire(group, in: self) else { continue }
      try withExtendedLifetime(lock) {
        let fresh = try SampleJournal(group, store: self).all().filter { _, result in
          result.storedFiles.allSatisfy { holds($0.digest, size: $0.size) }
        }
        let text = fresh.map { SampleJournal.line($0, $1) }.sorted().joined()
        if fresh.isEmpty { try FileSystem.unlink(path) } else { try write(Data(text.utf8), to: path) }
      }
    }
    return count
  }

  private func removeUnusedLocks(_ now: Int) throws {
    let folder = root + "/locks"
    guard FileSystem.exists(folder) else { return }
    for name in try FileSystem.names(in: folder) { try KeyLock.collect(name, in: self, now: now) }
  }

  // MARK: - Pins

  /// Results kept under a name until the pin is removed.
  public struct Pin: Sendable {
    public var name: String
    public var keys: [Digest]
  }

  /// - Throws: `StageFailure` for a pin that cannot be read: what it keeps must not be taken for garbage.
  public func pins() throws -> [Pin] {
    let folder = root + "/pins"
    guard FileSystem.exists(folder) else { return [] }
    return try FileSystem.names(in: folder).sorted().compactMap { file -> Pin? in
      let path = folder + "/" + file
      guard let data = try FileSystem.read(path) else { return nil }  // removed by another process
      do {
        let fields = try RecordFields(Self.readRecord(data))
        return Pin(name: try fields.read("name"), keys: try fields.read("keys"))
      } catch {
        throw StageFailure(
          "the pin \(path) cannot be read: \(Diagnostic(error).message)",
          help: "remove the file and pin the results again with `pipeline cache pin`")
      }
    }
  }

  public func pin(_ name: String, keys: [Digest]) throws {
    let json: JSON = ["name": .string(name), "keys": .array(keys.map { .string($0.hex) })]
    try write(Self.encodeRecord(json), to: "\(root)/pins/\(fileName(for: name))")
  }

  public func unpin(_ name: String) throws { try FileSystem.unlink("\(root)/pins/\(fileName(for: name))") }
}
