import Basics
import Foundation
import Synchronization

/// Files that several threads hash, each two at a time: whatever blocks both have in memory are taken side by side
/// (`DigestStream`), and a file that ends makes room for the next.
final class FilesToHash: Sendable {
  fileprivate let paths: [String]
  private let found: @Sendable (Int, Result<FileReading, any Error>) -> Void
  /// The file whose turn it is, and how many threads have not begun.
  private let state: Mutex<(next: Int, idle: Int)>

  /// - Parameter threads: how many will call `work`.
  init(_ paths: [String], threads: Int, found: @escaping @Sendable (Int, Result<FileReading, any Error>) -> Void) {
    self.paths = paths
    self.found = found
    state = Mutex((next: 0, idle: threads))
  }

  /// Hashes until no file is left. To be called from each thread once.
  func work() {
    let first = OpenFile()
    let second = OpenFile()
    var hasBegun = false
    while true {
      let hasFirst = fill(first, isOnly: !second.isOpen, &hasBegun)
      let hasSecond = fill(second, isOnly: !first.isOpen, &hasBegun)
      switch (hasFirst, hasSecond) {
      case (true, true): first.update(with: second)
      case (true, false): first.update()
      case (false, true): second.update()
      case (false, false): return
      }
    }
  }

  /// Makes sure that `file` has blocks to hash: the next of the one it reads, or the first of the next one.
  /// - Parameters:
  ///   - isOnly: whether the thread has nothing else to do. A thread that has leaves the last files to those that have not begun.
  ///   - hasBegun: whether the thread has taken a file yet.
  /// - Returns: false when no file is left.
  private func fill(_ file: OpenFile, isOnly: Bool, _ hasBegun: inout Bool) -> Bool {
    while true {
      do {
        if file.isOpen {
          if file.blocks > 0 { return true }
          if file.isAtEnd { found(file.index, .success(try file.finish())) } else { try file.read() }
        } else {
          guard let index = next(isOnly: isOnly, &hasBegun) else { return false }
          try file.open(index, paths[index])
        }
      } catch {
        file.close()
        found(file.index, .failure(error))
      }
    }
  }

  private func next(isOnly: Bool, _ hasBegun: inout Bool) -> Int? {
    let index: Int? = state.withLock { state in
      let left = paths.count - state.next
      guard left > (isOnly ? 0 : state.idle) else { return nil }
      if !hasBegun { state.idle -= 1 }
      state.next += 1
      return state.next - 1
    }
    if index != nil { hasBegun = true }
    return index
  }
}

/// One of the files that a thread reads.
private final class OpenFile {
  /// Two of them and what the system needs besides stay in the second-level cache between being read and being hashed.
  private static let capacity = 1 << 17

  private let buffer = UnsafeMutableRawPointer.allocate(
    byteCount: capacity + DigestStream.padding, alignment: DigestStream.block)
  private var fd: Int32 = -1
  private var path = ""
  private var before = FileSystem.Status(stat())
  private var stream = DigestStream()
  private var size = 0
  /// Where the blocks that are still to be hashed start, and the bytes behind them that do not fill one.
  private var start = 0
  private var rest = 0

  private(set) var index = 0
  /// Blocks read and not yet hashed.
  private(set) var blocks = 0
  private(set) var isAtEnd = false
  var isOpen: Bool { fd >= 0 }

  deinit {
    close()
    buffer.deallocate()
  }

  func open(_ index: Int, _ path: String) throws {
    self.index = index
    self.path = path
    (stream, size, start, rest, blocks, isAtEnd) = (DigestStream(), 0, 0, 0, 0, false)
    fd = try FileSystem.openForReading(path)
    before = try FileSystem.status(of: fd, path)
    if before.size > 1 << 20 { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) }
  }

  func close() {
    if isOpen { Glibc.close(fd) }
    fd = -1
  }

  /// Reads more, once all blocks are hashed; at the end pads what is there.
  func read() throws {
    buffer.copyMemory(from: buffer + start, byteCount: rest)
    start = 0
    let space = UnsafeMutableRawBufferPointer(start: buffer + rest, count: Self.capacity - rest)
    let n = try FileSystem.read(fd, path, into: space)
    size += n
    // A file that gave fewer bytes than asked for, and as many as it has, would give none the next time.
    isAtEnd = n == 0 || (n < space.count && size == before.size)
    if isAtEnd {
      blocks = DigestStream.finish(buffer, count: rest + n, length: size)
    } else {
      (blocks, rest) = (rest + n).quotientAndRemainder(dividingBy: DigestStream.block)
    }
  }

  func update() {
    stream.update(buffer + start, blocks: blocks)
    took(blocks)
  }

  /// Takes as many blocks of both as the one with fewer has.
  func update(with other: OpenFile) {
    let common = min(blocks, other.blocks)
    DigestStream.update(&stream, buffer + start, &other.stream, other.buffer + other.start, blocks: common)
    took(common)
    other.took(common)
  }

  private func took(_ count: Int) {
    start += count * DigestStream.block
    blocks -= count
  }

  func finish() throws -> FileReading {
    let after = try FileSystem.status(of: fd, path)
    close()
    return FileReading(digest: stream.digest, size: size, before: before, after: after)
  }
}
