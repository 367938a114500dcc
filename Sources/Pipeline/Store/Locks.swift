import Basics
import Foundation

/// A lock on a key, held by an open file: it ends with the process that holds it, however that ends.
final class KeyLock: Sendable {
  private let fd: Int32

  private init(fd: Int32) { self.fd = fd }
  deinit { close(fd) }

  /// Waits for the lock, asking `keepWaiting` ten times a second.
  /// - Parameter waiting: called once when another process holds it, with what that wrote about itself.
  /// - Returns: nil when `keepWaiting` said no.
  static func acquire(
    _ key: Digest, in store: Store, waiting: (String) -> Void = { _ in }, keepWaiting: () -> Bool
  ) throws -> KeyLock? {
    let path = "\(store.root)/locks/\(key.hex)"
    var announced = false
    while true {
      if let lock = try attempt(path, store) { return lock }
      if !announced {
        announced = true
        let holder = (try? FileSystem.read(path)).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) } ?? ""
        waiting(holder)
      }
      guard keepWaiting() else { return nil }
      usleep(50_000)
    }
  }

  private static func attempt(_ path: String, _ store: Store) throws -> KeyLock? {
    try store.prepareFolder(store.root + "/locks")
    let fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw FileProblem("lock", path, code: errno) }
    guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
      close(fd)
      return nil
    }
    // The file may have been removed by a clean-up between open and lock; then this lock guards nothing.
    var mine = stat()
    guard fstat(fd, &mine) == 0, let there = FileSystem.status(path), there.inode == UInt64(mine.st_ino) else {
      close(fd)
      return nil
    }
    let text = Data("process \(getpid())".utf8)
    ftruncate(fd, 0)
    text.withUnsafeBytes { _ = pwrite(fd, $0.baseAddress, $0.count, 0) }  // only for people
    return KeyLock(fd: fd)
  }

  /// Takes the lock if nobody has it.
  static func tryAcquire(_ key: Digest, in store: Store) throws -> KeyLock? {
    try attempt("\(store.root)/locks/\(key.hex)", store)
  }
}
