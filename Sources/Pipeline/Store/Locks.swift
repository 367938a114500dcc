import Basics
import Foundation

/// A lock on a key. It ends with the process that holds it, however that ends: the kernel lets go of an open file's lock, and
/// a lease without its process is taken over.
final class KeyLock: Sendable {
  private enum Held: Sendable {
    case file(Int32)
    case lease(LeaseFile)
  }

  private let held: Held

  private init(_ held: Held) { self.held = held }

  /// The open file that is the lock, where it is one.
  var descriptor: Int32? { if case .file(let fd) = held { fd } else { nil } }

  deinit {
    switch held {
    case .file(let fd): close(fd)
    case .lease(let lease): lease.release()
    }
  }

  /// Confirms that this process holds the lock; for a lease, by writing a heartbeat.
  /// - Returns: false when another machine has it now: this one stood still, or could not reach the file system, for longer than a
  ///   lease lasts. The other machine does the same work from then on.
  func confirm() -> Bool { if case .lease(let lease) = held { lease.beatAndCheck() } else { true } }

  /// - Parameter body: called once, from any thread, when the lock is found lost.
  func whenLost(_ body: @escaping @Sendable () -> Void) { if case .lease(let lease) = held { lease.whenLost(body) } }

  /// Waits for the lock, asking `keepWaiting` twenty times a second.
  /// - Parameter waiting: called once when another process holds it, with what that wrote about itself.
  /// - Returns: nil when `keepWaiting` said no.
  static func acquire(
    _ key: Digest, in store: Store, waiting: (String) -> Void = { _ in }, keepWaiting: () -> Bool
  ) throws -> KeyLock? {
    var watch = LeaseLock.Watch()
    var announced = false
    while true {
      if let lock = try attempt(key, store, &watch) { return lock }
      if !announced {
        announced = true
        waiting(try holder(of: key, store, watch))
      }
      guard keepWaiting() else { return nil }
      usleep(50_000)
    }
  }

  /// Takes the lock if nobody has it.
  static func tryAcquire(_ key: Digest, in store: Store) throws -> KeyLock? {
    var watch = LeaseLock.Watch()
    return try attempt(key, store, &watch)
  }

  private static func path(_ key: Digest, _ store: Store) -> String { "\(store.root)/locks/\(key.hex)" }

  private static func attempt(_ key: Digest, _ store: Store, _ watch: inout LeaseLock.Watch) throws -> KeyLock? {
    try store.prepareFolder(store.root + "/locks")
    let path = path(key, store)
    let locking = try store.locking
    switch locking.mode {
    case .flock: return try attemptFile(path)
    case .leases:
      let lease = try LeaseLock(folder: path + ".lease", locking: locking).attempt(&watch)
      // Results of the previous holder must be visible from here.
      if lease != nil { try store.revalidate([store.resultPath(key), SampleJournal(key, store: store).path]) }
      return lease.map { KeyLock(.lease($0)) }
    }
  }

  private static func attemptFile(_ path: String) throws -> KeyLock? {
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
    return KeyLock(.file(fd))
  }

  private static func holder(of key: Digest, _ store: Store, _ watch: LeaseLock.Watch) throws -> String {
    if try store.locking.mode == .leases { return watch.holder }
    // Only for people: what cannot be read is left out.
    return (try? FileSystem.read(path(key, store))).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Removes the file or folder of a lock that nobody uses.
  /// - Parameter now: by the clock of the file system, in ns.
  static func collect(_ name: String, in store: Store, now: Int) throws {
    let path = "\(store.root)/locks/\(name)"
    let locking = try store.locking
    if name.hasSuffix(".lease") {
      let lock = LeaseLock(folder: path, locking: locking)
      if try lock.isLongUnused(now: now) { try FileSystem.removeTree(path) }
    } else if let key = Digest(hex: name), locking.mode == .flock, let lock = try tryAcquire(key, in: store) {
      try withExtendedLifetime(lock) { try FileSystem.unlink(path) }
    }
  }
}
