import Basics
import Foundation

extension Digest {
  /// The digest of a file's bytes, read in large blocks.
  /// - Throws: `FileProblem` when it cannot be read.
  static func ofFile(_ path: String) throws -> (digest: Digest, size: Int) {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw FileProblem("read", path, code: errno) }
    defer { close(fd) }
    var status = stat()
    let expected = fstat(fd, &status) == 0 ? Int(status.st_size) : Int.max
    if expected > 1 << 20 { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) }
    var builder = DigestBuilder()
    // Stays in the second-level cache between being read and being hashed; a small file gets a small block, because
    // memory for a large one is asked from the system each time.
    let capacity = expected < 1 << 18 ? max(1 << 12, expected + 1) : 1 << 18
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
    defer { buffer.deallocate() }
    var size = 0
    while true {
      let n = Glibc.read(fd, buffer.baseAddress, capacity)
      if n < 0, errno == EINTR { continue }
      if n < 0 { throw FileProblem("read", path, code: errno) }
      if n == 0 { break }
      size += n
      builder.update(UnsafeRawBufferPointer(rebasing: buffer[0..<n]))
    }
    return (builder.finish(), size)
  }
}
