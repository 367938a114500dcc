import Basics
import Foundation

/// Takes a file's bytes as they arrive, hashes them, and puts the file into the store only when it is whole.
///
/// For one thread; the transfer calls it from inside the request.
final class BlobWriter {
  private let digest: Digest
  private let size: Int?
  private let batch: BlobBatch
  private let path: String
  private var fd: Int32
  private var builder: DigestBuilder? = DigestBuilder()
  private var count = 0
  /// Why nothing more can be written here.
  private(set) var problem: FileProblem?
  /// More bytes came than the file has.
  private(set) var isTooLong = false

  /// - Parameter size: bytes, where known.
  init(_ digest: Digest, size: Int?, store: Store, batch: BlobBatch) throws {
    self.digest = digest
    self.size = size
    self.batch = batch
    path = try store.temporary.newPath()
    FaultInjection.passing(.create)
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard fd >= 0 else { throw FileProblem("create", path, code: errno, size: size) }
  }

  /// - Returns: false to end the transfer.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    count += bytes.count
    if let size, count > size {
      isTooLong = true
      return false
    }
    builder?.update(bytes)
    do { try FileSystem.write(bytes, to: fd, path) } catch {
      problem = error as? FileProblem
      return false
    }
    return true
  }

  /// Hands the file to the store.
  /// - Returns: its bytes; nil when what came is not it.
  func finish() throws -> Int? {
    guard let finished = builder.take()?.finish(), !isTooLong, finished == digest else { return nil }
    try batch.adopt(path, digest, size: count)
    Glibc.close(fd)
    fd = -1
    return count
  }

  /// Removes what was not adopted.
  func close() {
    guard fd >= 0 else { return }
    Glibc.close(fd)
    fd = -1
    Glibc.unlink(path)
  }
}
