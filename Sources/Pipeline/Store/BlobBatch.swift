import Basics
import Foundation
import Synchronization

/// Files on their way into the store. They lie under `tmp/` until `commit` makes them durable and gives them their names, all
/// together: syncs that are waited for at the same time cost the file system one journal entry, not one each.
///
/// A record that names such files may be written only after `commit`. For any number of threads.
final class BlobBatch: Sendable {
  private struct Incoming {
    var path: String
    var size: Int
  }

  private struct State {
    var files: [Digest: Incoming] = [:]
    /// Folders with new names in them that are not synced yet.
    var folders: Set<String> = []
  }

  private let store: Store
  private let state = Mutex(State())
  /// Held while files land: whoever returns from `commit` may rely on all that was put before, whichever thread landed it.
  private let landing = NSLock()
  /// More files than this do not wait.
  private static let limit = 256

  init(_ store: Store) { self.store = store }

  /// Whether the store has this file, or will have it with the next `commit`.
  func holds(_ digest: Digest, size: Int) -> Bool {
    state.withLock { $0.files[digest] != nil } || store.holds(digest, size: size)
  }

  // MARK: - Putting

  /// Takes bytes; returns at once when they are there already.
  /// - Throws: `FileProblem` when they cannot be written.
  @discardableResult
  func put(_ data: Data) throws -> StoredFile {
    let digest = Digest.of(data)
    if try !isHere(digest, size: data.count) {
      let path = try store.temporary.newPath()
      try store.naming(store.blobPath(digest), removing: path) { try store.writeNew(data, to: path, mode: 0o444) }
      try add(path, digest, size: data.count)
    }
    return store.file(digest, size: data.count)
  }

  /// Takes a copy of a file; the file itself stays where it is and is never linked, so that a later change to it cannot reach
  /// the store.
  /// - Parameter expected: fails when the bytes are not these any more.
  /// - Throws: `InputChanged`; `FileProblem` when it cannot be read or the copy cannot be written.
  @discardableResult
  func put(contentsOf path: String, expecting expected: Digest? = nil) throws -> StoredFile {
    if let expected, let found = FileSystem.status(path), try isHere(expected, size: found.size) {
      return store.file(expected, size: found.size)
    }
    let copy = try store.temporary.newPath()
    do {
      try FileSystem.copy(path, to: copy, mode: 0o600)
      let read = try Digest.ofFile(copy)
      if let expected, read.digest != expected { throw InputChanged(path: path) }
      try adopt(copy, read.digest, size: read.size)
      return store.file(read.digest, size: read.size)
    } catch {
      Glibc.unlink(copy)
      throw error
    }
  }

  /// Takes a finished file under `tmp/`, whose bytes are known to have this digest.
  func adopt(_ path: String, _ digest: Digest, size: Int) throws {
    if try isHere(digest, size: size) { return try FileSystem.unlink(path) }
    chmod(path, 0o444)
    try add(path, digest, size: size)
  }

  private func isHere(_ digest: Digest, size: Int) throws -> Bool {
    if state.withLock({ $0.files[digest] != nil }) { return true }
    return try store.isInPlace(digest, size: size)
  }

  private func add(_ path: String, _ digest: Digest, size: Int) throws {
    let (isNew, isFull) = state.withLock { state in
      if state.files[digest] != nil { return (false, false) }
      state.files[digest] = Incoming(path: path, size: size)
      return (true, state.files.count >= Self.limit)
    }
    if !isNew { try FileSystem.unlink(path) }  // another thread had the same bytes
    if isFull { try commit() }
  }

  // MARK: - Landing

  /// Everything put so far survives a power cut from now on; then the result that names it, if one is given, becomes visible.
  /// - Throws: `FileProblem`; what has not landed then may land with the next call.
  func commit(recording result: StageResult? = nil) throws {
    try landing.withLock {
      let files = Array(state.withLock { $0.files })
      let record = try result.map { result in
        let target = store.resultPath(result.key)
        let path = try store.temporary.newPath()
        let data = Store.encodeRecord(result.json)
        try store.naming(target, removing: path) { try store.writeNew(data, to: path, mode: 0o644) }
        return (path: path, target: target, size: data.count)
      }
      // First the bytes, of the record as well: nobody sees it yet.
      try syncAll(
        files.map { ($0.value.path, store.blobPath($0.key), $0.value.size) } + (record.map { [$0] } ?? []))
      for (digest, file) in files {
        try rename(file.path, to: store.blobPath(digest))
        state.withLock { $0.files[digest] = nil }
      }
      try syncFolders()
      guard let record else { return }
      try rename(record.path, to: record.target)
      try syncFolders()
    }
  }

  private func rename(_ path: String, to target: String) throws {
    let folder = (target as NSString).deletingLastPathComponent
    let isNew = try store.makeFolder(folder)
    try store.naming(target) { try FileSystem.rename(path, to: target) }
    state.withLock { state in
      state.folders.insert(folder)
      if isNew { state.folders.insert((folder as NSString).deletingLastPathComponent) }
    }
  }

  private func syncAll(_ files: [(path: String, target: String, size: Int)]) throws {
    guard store.durable else { return }
    try parallelWaits(files.count) { index in
      let (path, target, size) = files[index]
      let fd = open(path, O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { throw FileProblem("open", target, code: errno) }
      defer { close(fd) }
      try FileSystem.sync(fd, target, size: size)
    }
  }

  private func syncFolders() throws {
    let folders = Array(state.withLock { $0.folders })
    if store.durable { try parallelWaits(folders.count) { try FileSystem.syncDirectory(folders[$0]) } }
    state.withLock { $0.folders.subtract(folders) }
  }
}
