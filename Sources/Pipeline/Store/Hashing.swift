import Basics
import Foundation

extension Digest {
  /// The digest of a file's bytes, read in large blocks.
  /// - Throws: `FileProblem` when it cannot be read.
  static func ofFile(_ path: String) throws -> (digest: Digest, size: Int) {
    let read = try ofOpenFile(path)
    return (read.digest, read.size)
  }

  /// The same with what the system said of the open file before and after: they differ when it changed meanwhile.
  static func ofOpenFile(_ path: String) throws -> (
    digest: Digest, size: Int, before: FileSystem.Status, after: FileSystem.Status
  ) {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw FileProblem("read", path, code: errno) }
    defer { close(fd) }
    let before = try status(fd, path)
    if before.size > 1 << 20 { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) }
    var builder = DigestBuilder()
    // A block stays in the second-level cache between being read and being hashed. A small file gets a small one, because
    // memory for a large one is asked from the system each time, and one byte more, so that the first look tells its end.
    let capacity = before.size < 1 << 18 ? before.size + 1 : 1 << 18
    var size = 0
    try withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 64) { buffer in
      while true {
        let n = Glibc.read(fd, buffer.baseAddress, capacity)
        if n < 0, errno == EINTR { continue }
        if n < 0 { throw FileProblem("read", path, code: errno) }
        size += n
        builder.update(UnsafeRawBufferPointer(rebasing: buffer[0..<n]))
        if n == 0 || (n < capacity && size == before.size) { break }
      }
    }
    return (builder.finish(), size, before, try status(fd, path))
  }

  private static func status(_ fd: Int32, _ path: String) throws -> FileSystem.Status {
    var found = stat()
    guard fstat(fd, &found) == 0 else { throw FileProblem("read", path, code: errno) }
    return FileSystem.Status(found)
  }
}
