import Foundation
import Synchronization

/// A folder of this process for files that are not finished. It holds a lock that dies with the process, so that the next
/// one can tell what a crash left behind and remove it.
final class TemporaryArea: Sendable {
  private struct State {
    var folder: String?
    var lock: Int32 = -1
    var count = 0
  }

  private let parent: String
  private let state = Mutex(State())

  init(folder: String) { parent = folder }

  deinit {
    let (folder, lock) = state.withLock { ($0.folder, $0.lock) }
    guard let folder else { return }
    try? FileSystem.removeTree(folder)  // what stays is removed by the next process
    Glibc.unlink(folder + ".lock")
    close(lock)
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
      FaultInjection.passing(.create)
      let fd = Glibc.open(folder + ".lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard fd >= 0 else { throw FileProblem("create", folder + ".lock", code: errno) }
      var own = stat()
      guard flock(fd, LOCK_EX | LOCK_NB) == 0, fstat(fd, &own) == 0,
        FileSystem.status(folder + ".lock")?.inode == UInt64(own.st_ino)
      else {
        close(fd)
        continue
      }
      FaultInjection.passing(.mkdir)
      guard mkdir(folder, 0o755) == 0 else {
        let code = errno
        close(fd)
        throw FileProblem("make the folder", folder, code: code)
      }
      state.folder = folder
      state.lock = fd
      return
    }
  }

  /// Now, by the clock of the file system that holds the store: the time stamp it gives a file touched this moment.
  func fileSystemTime() -> Int? {
    // Without a store (a dry run makes none), or in a read-only one, every file counts as just changed.
    guard FileSystem.exists((parent as NSString).deletingLastPathComponent) else { return nil }
    guard let path = try? newPath() else { return nil }
    let fd = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard fd >= 0 else { return nil }
    defer {
      close(fd)
      Glibc.unlink(path)
    }
    var s = stat()
    return fstat(fd, &s) == 0 ? FileSystem.Status(s).changed : nil
  }

  /// Removes what processes that have ended left behind.
  func removeLeftovers() {
    guard let names = try? FileSystem.names(in: parent) else { return }  // nothing there yet
    let own = state.withLock { $0.folder }
    for name in names where name.hasSuffix(".lock") {
      let folder = parent + "/" + name.dropLast(5)
      if folder == own { continue }
      let fd = Glibc.open(folder + ".lock", O_RDWR | O_CLOEXEC)
      guard fd >= 0 else { continue }
      defer { close(fd) }
      guard flock(fd, LOCK_EX | LOCK_NB) == 0 else { continue }
      try? FileSystem.removeTree(folder)  // tried again next time
      Glibc.unlink(folder + ".lock")
    }
  }
}
