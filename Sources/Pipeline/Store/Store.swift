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

  /// Whether the blob is there and has the right size: what a glance can tell.
  public func holds(_ digest: Digest, size: Int?) -> Bool {
    let path = blobPath(digest)
    let isHeld = FileSystem.look(path).map { $0.isRegular && (size == nil || $0.size == size) } ?? false
    Observations.current?.add(held: path, size: size, isHeld)
    return isHeld
  }

  // MARK: - Writing

  /// What of a new file has to survive a power cut from then on.
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
    if knownFolders.withLock({ $0.contains(path) }) { return }
    if !FileSystem.exists(path) {
      try FileSystem.makeDirectories(path)
      if durable && sync != .none { try FileSystem.syncDirectory((path as NSString).deletingLastPathComponent) }
    }
    _ = knownFolders.withLock { $0.insert(path) }
  }

  /// Writes a file whole or not at all.
  func write(_ data: Data, to path: String, mode: mode_t = 0o644, sync: Sync = .all) throws {
    let folder = (path as NSString).deletingLastPathComponent
    try prepareFolder(folder, sync: sync)
    let temporaryPath = try temporary.newPath()
    do {
      try writeNew(data, to: temporaryPath, mode: mode, isSynced: durable && sync != .none)
      try FileSystem.rename(temporaryPath, to: path)
    } catch {
      Glibc.unlink(temporaryPath)
      throw naming(error, path)
    }
    if durable && sync == .all { try FileSystem.syncDirectory(folder) }
  }

  /// People know the place a file was meant for, not its temporary name.
  private func naming(_ error: any Error, _ path: String) -> any Error {
    guard var problem = error as? FileProblem else { return error }
    problem.path = path
    if problem.operation.hasPrefix("rename") { problem.operation = "create" }
    return problem
  }

  private func writeNew(_ data: Data, to path: String, mode: mode_t, isSynced: Bool) throws {
    FaultInjection.passing(.create)
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard fd >= 0 else { throw FileProblem("create", path, code: errno, size: data.count) }
    defer { close(fd) }
    try data.withUnsafeBytes { try FileSystem.write($0, to: fd, path) }
    if isSynced { try FileSystem.sync(fd, path, size: data.count) }
    fchmod(fd, mode)
  }

  /// Stores bytes; returns at once when they are there already.
  /// - Parameter syncFolder: false when the caller syncs the folders of a batch (`syncBlobFolders`).
  @discardableResult
  public func put(_ data: Data, syncFolder: Bool = true) throws -> StoredFile {
    let digest = Digest.of(data)
    let file = file(digest, size: data.count)
    if try isInPlace(digest, size: data.count) { return file }
    try write(data, to: blobPath(digest), mode: 0o444, sync: syncFolder ? .all : .bytes)
    return file
  }

  /// Stores a file's bytes under their digest; the file itself stays where it is and is never linked, so that a later
  /// change to it cannot reach the store.
  /// - Parameter expected: fails when the bytes are not these any more.
  @discardableResult
  public func put(contentsOf path: String, expecting expected: Digest? = nil, syncFolder: Bool = true) throws
    -> StoredFile
  {
    if let expected, let found = FileSystem.status(path), try isInPlace(expected, size: found.size) {
      return file(expected, size: found.size)
    }
    let copy = try temporary.newPath()
    do {
      try FileSystem.copy(path, to: copy, mode: 0o600)
      let (digest, size) = try Digest.ofFile(copy)
      if let expected, digest != expected { throw InputChanged(path: path) }
      try adopt(copy, digest, size: size, syncFolder: syncFolder)
      return file(digest, size: size)
    } catch {
      Glibc.unlink(copy)
      throw error
    }
  }

  /// Makes a finished temporary file, whose bytes are known to have this digest, a stored one.
  func adopt(_ copy: String, _ digest: Digest, size: Int, syncFolder: Bool) throws {
    if try isInPlace(digest, size: size) { return try FileSystem.unlink(copy) }
    if durable {
      let fd = open(copy, O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { throw FileProblem("open", copy, code: errno) }
      defer { close(fd) }
      try FileSystem.sync(fd, copy, size: size)
    }
    chmod(copy, 0o444)
    let target = blobPath(digest)
    let folder = (target as NSString).deletingLastPathComponent
    try prepareFolder(folder)
    try FileSystem.rename(copy, to: target)
    if durable && syncFolder { try FileSystem.syncDirectory(folder) }
  }

  /// True when the blob is there with the right size; one of another size is damaged and is moved out of the way.
  private func isInPlace(_ digest: Digest, size: Int) throws -> Bool {
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

  /// Makes the names of blobs written with `syncFolder: false` durable.
  func syncBlobFolders(_ digests: some Sequence<Digest>) throws {
    guard durable else { return }
    for shard in Set(digests.map { $0.hex.prefix(2) }) { try FileSystem.syncDirectory("\(root)/blobs/\(shard)") }
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

  /// Reads a blob's bytes and moves it out of the way when they are not what its name says.
  func check(_ digest: Digest, size: Int?) throws -> Bool {
    let path = blobPath(digest)
    guard let status = FileSystem.linkStatus(path) else { return false }
    if status.isRegular, size == nil || status.size == size, try Digest.ofFile(path).digest == digest { return true }
    try quarantine(path, reason: "its bytes do not have its digest")
    return false
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
public struct DamagedBlob: Error, Hashable, Sendable, CustomStringConvertible {
  public var digest: Digest
  public var reason: String
  public var description: String { "stored file \(digest.short) is \(reason)" }
}

/// A file of the user's that changed between being hashed and being used.
public struct InputChanged: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  public var description: String { "\(path) was changed while it was in use" }
}
