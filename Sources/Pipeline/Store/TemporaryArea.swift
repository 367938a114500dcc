import Foundation
import Synchronization

/// A folder of this process for files that are not finished. It holds a lock that dies with the process, so that the next
/// one can tell what a crash left behind and remove it.
final class TemporaryArea: Sendable {
  private struct State {
    var folder: String?
    var lock: Int32 = -1
    var lease: LeaseFile?
    var count = 0
  }

  private let parent: String
  private let state = Mutex(State())

  private let locking: LockingChoice

  init(folder: String, locking: LockingChoice) {
    parent = folder
    self.locking = locking
  }

  deinit { close() }

  /// Removes the folder and what is in it. A new one is made should another file be wanted.
  func close() {
    let (folder, lock, lease) = state.withLock { state in
      defer { state = State() }
      return (state.folder, state.lock, state.lease)
    }
    guard let folder else { return }
    try? FileSystem.removeTree(folder)  // what stays is removed by the next process
    Glibc.unlink(folder + ".lock")
    lease?.release(removing: true)
    if lock >= 0 { Glibc.close(lock) }
  }

  /// A name for a new file, on the same file system as the store.
  func newPath() throws -> String {
    try state.withLock { state in
      if state.folder == nil { try open(&state) }
      state.count += 1
      return "\(state.folder!)/\(state.count)"  // opened above
    }
  }

  /// The lock comes before the folder, and counts only when its file is still the one under that name: a clean-up may have
  /// come between making and locking it.
  private func open(_ state: inout State) throws {
    try FileSystem.makeDirectories(parent)
    while true {
      let folder = "\(parent)/\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
      let locking = try locking.current()
      if locking.mode == .leases {
        guard let lease = try LeaseFile(creating: folder + ".lock", interval: locking.beat) else { continue }
        state.lease = lease
      } else {
        guard let fd = try lock(folder + ".lock") else { continue }
        state.lock = fd
      }
      FaultInjection.passing(.mkdir)
      guard mkdir(folder, 0o755) == 0 else { throw FileProblem("make the folder", folder, code: errno) }
      state.folder = folder
      return
    }
  }

  /// Nil when a clean-up was faster.
  private func lock(_ path: String) throws -> Int32? {
    FaultInjection.passing(.create)
    let fd = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw FileProblem("create", path, code: errno) }
    var own = stat()
    if flock(fd, LOCK_EX | LOCK_NB) == 0, fstat(fd, &own) == 0, FileSystem.status(path)?.inode == UInt64(own.st_ino) {
      return fd
    }
    Glibc.close(fd)
    return nil
  }

  /// Now, by the clock of the file system that holds the store: the time stamp it gives a file touched this moment.
  func fileSystemTime() -> Int? {
    // Without a store (a dry run makes none), or in a read-only one, every file counts as just changed.
    guard FileSystem.exists((parent as NSString).deletingLastPathComponent) else { return nil }
    guard let path = try? newPath() else { return nil }
    let fd = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard fd >= 0 else { return nil }
    defer {
      Glibc.close(fd)
      Glibc.unlink(path)
    }
    var s = stat()
    return fstat(fd, &s) == 0 ? FileSystem.Status(s).changed : nil
  }

  /// Removes what processes that have ended left behind.
  /// - Throws: `StageFailure` when it cannot be read how the store is locked.
  func removeLeftovers() throws {
    let mode = try locking.current().mode
    guard let names = try? FileSystem.names(in: parent) else { return }  // nothing there yet
    let own = state.withLock { $0.folder }
    for name in names where name.hasSuffix(".lock") {
      let folder = parent + "/" + name.dropLast(5)
      if folder == own { continue }
      if mode == .leases {
        guard isLeftBehind(folder + ".lock") else { continue }
        try? FileSystem.removeTree(folder)  // tried again next time
        Glibc.unlink(folder + ".lock")
        continue
      }
      let fd = Glibc.open(folder + ".lock", O_RDWR | O_CLOEXEC)
      guard fd >= 0 else { continue }
      defer { Glibc.close(fd) }
      guard flock(fd, LOCK_EX | LOCK_NB) == 0 else { continue }
      try? FileSystem.removeTree(folder)  // tried again next time
      Glibc.unlink(folder + ".lock")
    }
  }

  /// The process has ended, or is on another machine and has not been heard of for a day.
  private func isLeftBehind(_ path: String) -> Bool {
    if let isAlive = LeaseFile.read(path)?.holder.isAlive { return !isAlive }
    guard let now = fileSystemTime(), let status = FileSystem.status(path) else { return false }
    return now - status.changed > 86_400_000_000_000
  }
}
