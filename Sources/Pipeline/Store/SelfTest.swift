import Basics
import Foundation

extension Store {
  /// The abilities of the store's file system.
  public struct SelfTest: Sendable {
    public var locksWork: Bool
    public var reflinksWork: Bool
    /// Bytes.
    public var free: Int
  }

  /// Tries what runs rely on, leaving nothing behind.
  public func selfTest() throws -> SelfTest {
    let key = Digest.of("self test \(getpid())")
    let lock = try KeyLock.tryAcquire(key, in: self)
    // A second open file of the same process is another holder to flock.
    let second = try KeyLock.tryAcquire(key, in: self)
    let works = lock != nil && second == nil
    let place = "\(root)/locks/\(key.hex)"
    if try locking.mode == .flock { try FileSystem.unlink(place) } else { try FileSystem.removeTree(place + ".lease") }
    withExtendedLifetime((lock, second)) {}
    let path = try temporary.newPath()
    let copy = try temporary.newPath()
    try Data("x".utf8).write(to: URL(fileURLWithPath: path))
    defer {
      Glibc.unlink(path)
      Glibc.unlink(copy)
    }
    let reflink = try FileSystem.reflink(path, to: copy)
    var space = statvfs()
    let free = statvfs(root, &space) == 0 ? Int(space.f_bavail) * Int(space.f_frsize) : 0
    return SelfTest(locksWork: works, reflinksWork: reflink, free: free)
  }
}
