import Basics
import Foundation
import Synchronization

/// The content-addressed store in a `.pipeline` folder.
///
///     blobs/ab/cdef…        file contents by SHA-256, read-only
///     results/ab/cdef….json what a stage delivered, by its key; written after all its blobs
///     samples/ab/cdef….log  results of single samples, one line each, by the key of what they share
///     scratch/<key>/        a stage's working folder; survives failures
///     slurm/<key>/          jobs of a cluster, until their end is known
///     locks/ tmp/ index/ quarantine/ runs/ latest/ approvals/ published/
///     locking.json          how processes keep out of each other's way
///     links                 which blobs were published as hard links
///
/// Everything becomes visible whole: written under `tmp/`, synced, renamed, folder synced. Nothing here needs repair after
/// a crash.
public final class Store: Sendable {
  /// The `.pipeline` folder.
  public let root: String
  /// False leaves out the syncs, for tests that do not need them.
  let durable: Bool
  let temporary: TemporaryArea
  public let statCache: StatCacheHandle
  let lockingChoice: LockingChoice
  let linked: LinkedFiles
  /// Stored files that a question found damaged, and keys of the results that name them: they count as absent.
  let distrusted = Mutex<Set<Digest>>([])
  private let knownFolders = Mutex<Set<String>>([])

  /// Wraps the cache so that its type can stay inside the module.
  public struct StatCacheHandle: Sendable {
    let cache: StatCache
    /// Files read for hashing by this process so far.
    public var filesHashed: Int { cache.filesHashed }
  }

  public init(root: String, durable: Bool = true) {
    self.root = FileSystem.absolute(root)
    self.durable = durable
    let lockingChoice = LockingChoice(root: self.root)
    self.lockingChoice = lockingChoice
    let temporary = TemporaryArea(folder: self.root + "/tmp", locking: lockingChoice)
    self.temporary = temporary
    linked = LinkedFiles(root: self.root)
    statCache = StatCacheHandle(
      cache: StatCache(path: self.root + "/index/files", clockProbe: { temporary.fileSystemTime() }))
  }

  var files: StatCache { statCache.cache }

  // MARK: - Places

  func path(_ folder: String, _ digest: Digest, _ suffix: String = "") -> String {
    let hex = digest.hex
    return "\(root)/\(folder)/\(hex.prefix(2))/\(hex.dropFirst(2))\(suffix)"
  }

  func blobPath(_ digest: Digest) -> String { path("blobs", digest) }
  public func scratchPath(_ key: Digest) -> String { "\(root)/scratch/\(key.hex)" }
  public var runsFolder: String { root + "/runs" }

  /// A stored file by its digest, without looking whether it is there.
  public func file(_ digest: Digest, size: Int) -> StoredFile {
    StoredFile(digest: digest, size: size, store: root)
  }

  /// Revalidates what an NFS client remembers of these files. It remembers for up to a minute that a file was not there, whatever
  /// others have written since; opening a folder ends that for what is in it, so each is opened from the root down. Does nothing
  /// where the file system is this machine's own.
  /// - Throws: `StageFailure` when it cannot be read how the store is locked.
  /// - Returns: whether there was anything to revalidate.
  @discardableResult
  func revalidate(_ paths: [String]) throws -> Bool {
    guard try locking.mode == .leases else { return false }
    var seen: Set<String> = []
    for path in paths where path.hasPrefix(root + "/") {
      let names = path.dropFirst(root.count + 1).split(separator: "/").dropLast()
      var folder = root
      for name in [""] + names {
        if !name.isEmpty { folder += "/" + name }
        guard seen.insert(folder).inserted else { continue }
        let fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { break }  // not there: nor is the file
        close(fd)
      }
    }
    return true
  }

  /// Whether the blob is there and has the right size: what a glance can tell.
  public func holds(_ digest: Digest, size: Int?) -> Bool {
    if distrusted.withLock({ $0.contains(digest) }) { return false }
    let path = blobPath(digest)
    func look() -> Bool { FileSystem.look(path).map { $0.isRegular && (size == nil || $0.size == size) } ?? false }
    var isHeld = look()
    // Where it cannot be read how the store is locked, whoever locks it next says so.
    if !isHeld, (try? revalidate([path])) == true { isHeld = look() }
    Observations.current?.add(held: path, size: size, isHeld)
    return isHeld
  }

  // MARK: - Writing

  /// The part of a new file that has to survive a power cut from then on.
  enum Sync {
    /// Its bytes and its name.
    case all
    /// Its bytes; its name later, or a file with the old bytes does as well.
    case bytes
    /// Nothing: it can be made again.
    case none
  }

  /// Makes the folder once for each process.
  func prepareFolder(_ path: String, sync: Sync = .all) throws {
    let isNew = try makeFolder(path)
    if isNew, durable, sync != .none {
      try FileSystem.syncDirectory((path as NSString).deletingLastPathComponent)
    }
  }

  /// Makes the folder if it is not there, and looks for it once for each process.
  /// - Returns: whether it is new, so that the one it lies in has to be synced.
  func makeFolder(_ path: String) throws -> Bool {
    if knownFolders.withLock({ $0.contains(path) }) { return false }
    let isNew = !FileSystem.exists(path)
    if isNew { try FileSystem.makeDirectories(path) }
    _ = knownFolders.withLock { $0.insert(path) }
    return isNew
  }

  /// Writes a file whole or not at all.
  func write(_ data: Data, to path: String, mode: mode_t = 0o644, sync: Sync = .all) throws {
    let folder = (path as NSString).deletingLastPathComponent
    try prepareFolder(folder, sync: sync)
    let temporaryPath = try temporary.newPath()
    try naming(path, removing: temporaryPath) {
      try writeNew(data, to: temporaryPath, mode: mode, isSynced: durable && sync != .none)
      try FileSystem.rename(temporaryPath, to: path)
    }
    if durable && sync == .all { try FileSystem.syncDirectory(folder) }
  }

  /// People know the place a file was meant for, not its temporary name, which is removed when this fails.
  func naming(_ path: String, removing temporaryPath: String? = nil, _ body: () throws -> Void) throws {
    do { try body() } catch {
      if let temporaryPath { Glibc.unlink(temporaryPath) }
      guard var problem = error as? FileProblem else { throw error }
      problem.path = path
      if problem.operation.hasPrefix("rename") { problem.operation = "create" }
      throw problem
    }
  }

  func writeNew(_ data: Data, to path: String, mode: mode_t, isSynced: Bool = false) throws {
    FaultInjection.passing(.create)
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard fd >= 0 else { throw FileProblem("create", path, code: errno, size: data.count) }
    defer { close(fd) }
    try data.withUnsafeBytes { try FileSystem.write($0, to: fd, path) }
    if isSynced { try FileSystem.sync(fd, path, size: data.count) }
    fchmod(fd, mode)
  }

  /// True when the blob is there with the right size; one of another size is damaged and is moved out of the way.
  func isInPlace(_ digest: Digest, size: Int) throws -> Bool {
    let path = blobPath(digest)
    guard let found = FileSystem.linkStatus(path) else { return false }
    if found.isRegular && found.size == size {
      touch(path, found)
      return true
    }
    try quarantine(path, reason: "size \(found.size), not \(size)")
    return false
  }

  /// Keeps a blob that is used again from being collected as garbage meanwhile.
  private func touch(_ path: String, _ status: FileSystem.Status) {
    guard Double(status.changed) * 1e-9 < Date().timeIntervalSince1970 - 600 else { return }
    utimensat(AT_FDCWD, path, nil, 0)  // only a help; the collector's grace is far longer than any stage's first use
  }

  /// Appends whole lines in one write.
  func append(_ data: Data, to path: String) throws {
    try prepareFolder((path as NSString).deletingLastPathComponent)
    FaultInjection.passing(.append)
    let fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw FileProblem("append to", path, code: errno, size: data.count) }
    defer { close(fd) }
    var text = data
    // After a crash the last line may lack its end; the next one must not be joined to it.
    var s = stat()
    var last: UInt8 = 10
    if fstat(fd, &s) == 0, s.st_size > 0, pread(fd, &last, 1, s.st_size - 1) == 1, last != 10 { text.insert(10, at: 0) }
    try text.withUnsafeBytes { try FileSystem.write($0, to: fd, path) }
    if durable { try FileSystem.sync(fd, path, size: data.count) }
  }

  // MARK: - Reading

  /// A blob's bytes, checked against its digest.
  /// - Throws: `DamagedBlob` when it is gone or its bytes are not those; what was there is in quarantine then.
  public func data(_ digest: Digest) throws -> Data {
    let path = blobPath(digest)
    guard let data = try FileSystem.read(path) else { throw DamagedBlob(digest: digest, reason: "missing") }
    guard Digest.of(data) == digest else {
      try quarantine(path, reason: "its bytes do not have its digest")
      throw DamagedBlob(digest: digest, reason: "damaged")
    }
    return data
  }

  /// Moves a damaged file out of the way, keeping it for inspection.
  func quarantine(_ path: String, reason: String) throws {
    let folder = root + "/quarantine"
    try prepareFolder(folder)
    let name = path.dropFirst(root.count + 1).replacing("/", with: "-")
    let target = "\(folder)/\(name)-\(UInt32.random(in: 0 ... .max))"
    do { try FileSystem.rename(path, to: target) } catch let problem as FileProblem where problem.code == ENOENT {
      return
    }
    try Data((reason + "\n").utf8).write(to: URL(fileURLWithPath: target + ".reason"))
  }
}

/// A blob that is not there or not what its name says. Whoever made it has to make it again.
public struct DamagedBlob: ReadableError, Hashable {
  public var digest: Digest
  public var reason: String
  public var message: String { "stored file \(digest.short) is \(reason)" }
}

/// A file of the user's that changed between being hashed and being used.
public struct InputChanged: ReadableError, Hashable {
  public var path: String
  public var help: String? { "run again once nothing writes to it" }
  public var message: String { "\(path) was changed while it was in use" }
}
