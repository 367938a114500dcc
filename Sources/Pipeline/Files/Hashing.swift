import Basics
import Foundation

/// The outcome of reading a whole file.
package struct FileReading: Sendable {
  package var digest: Digest
  /// Bytes read.
  package var size: Int
  /// Status of the open file before its first byte was read.
  var before: FileSystem.Status
  /// And after its last.
  var after: FileSystem.Status

  /// Whether the file was the same from the first byte to the last.
  var isSteady: Bool { before == after && size == after.size }
}

extension Digest {
  /// The digest of a file's bytes, read in large blocks.
  /// - Throws: `FileProblem` when it cannot be read.
  static func ofFile(_ path: String) throws -> FileReading {
    let fd = try FileSystem.openForReading(path)
    defer { close(fd) }
    let before = try FileSystem.status(of: fd, path)
    if before.size > 1 << 20 { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) }
    var builder = DigestBuilder()
    // A block stays in the second-level cache between being read and being hashed. A small file gets a small one, because
    // memory for a large one is asked from the system each time, and one byte more, so that the first look tells its end.
    let capacity = before.size < 1 << 18 ? before.size + 1 : 1 << 18
    var size = 0
    try withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 64) { buffer in
      while true {
        let n = try FileSystem.read(fd, path, into: buffer)
        size += n
        builder.update(UnsafeRawBufferPointer(rebasing: buffer[0..<n]))
        if n == 0 || (n < capacity && size == before.size) { break }
      }
    }
    return FileReading(
      digest: builder.finish(), size: size, before: before, after: try FileSystem.status(of: fd, path))
  }

  /// Reads and hashes many files on up to `threads` cores, two at a time on each where the processor can.
  /// - Parameters:
  ///   - pairs: whether to compute two digests side by side.
  ///   - found: gets each index once, with what was read or the `FileProblem` that prevented it; on any thread.
  package static func ofFiles(
    _ paths: [String], threads: Int, pairs: Bool = DigestStream.isSupported,
    found: @escaping @Sendable (Int, Result<FileReading, any Error>) -> Void
  ) {
    guard pairs, paths.count > 1 else {
      return parallelFor(paths.count, threads: threads) { index in found(index, Result { try ofFile(paths[index]) }) }
    }
    let threads = max(1, min(threads, paths.count))
    let files = FilesToHash(paths, threads: threads, found: found)
    DispatchQueue.concurrentPerform(iterations: threads) { _ in files.work() }
  }
}
