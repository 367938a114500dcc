import Basics
import Foundation
import Synchronization

/// A file of the user's as it was when it was hashed.
struct HashedFile: Hashable, Sendable {
  var path: String
  var digest: Digest
  var status: FileSystem.Status
  /// True when the file changed so shortly before it was hashed that a later change could carry the same time stamps.
  var racy: Bool

  var stored: StoredFile { StoredFile(digest: digest, size: status.size, path: path) }

  /// Whether the file still is what was hashed. A file with ambiguous time stamps is read again.
  func isUnchanged() -> Bool {
    guard let now = FileSystem.status(path), now == status else { return false }
    guard racy else { return true }
    guard let again = try? Digest.ofFile(path) else { return false }  // unreadable now: changed
    return again.digest == digest
  }
}

/// Remembers the digests of the user's files, so that a file is read once and then only looked at with `stat`.
///
/// A remembered digest counts only when size, modification time, change time, inode and device are the same *and* the
/// change time lay safely before the moment of hashing. The change time cannot be set by programs, so restored
/// modification times, clocks that were wrong and dates in 1970 or 2100 change nothing. Only a cache: losing it costs time.
final class StatCache: Sendable {
  struct Entry: Hashable, Sendable {
    var size: Int
    var modified: Int
    var changed: Int
    var inode: UInt64
    var device: UInt64
    var digest: Digest
  }

  private struct State {
    var entries: [String: Entry] = [:]
    /// Entries that have still to be written.
    var fresh: [(path: String, entry: Entry)] = []
    var loaded = false
  }

  /// Changes closer than this before hashing are ambiguous: longer than the clock tick of any file system in use.
  static let racyWindow = 2_000_000_000

  private let path: String
  private let clockProbe: @Sendable () -> Int?
  private let state = Mutex(State())
  private let hashed = Atomic<Int>(0)

  /// - Parameter clockProbe: the file system's own idea of now, in ns.
  init(path: String, clockProbe: @escaping @Sendable () -> Int?) {
    self.path = path
    self.clockProbe = clockProbe
  }

  /// Files read for hashing so far.
  var filesHashed: Int { hashed.load(ordering: .relaxed) }

  /// Hashes many files on all cores; results in the order of `paths`.
  /// - Parameter statuses: what a moment ago was found at each path, to spare a second look; empty when nobody looked.
  func hash(_ paths: [String], statuses: [FileSystem.Status] = [], threads: Int) throws -> [HashedFile] {
    let files = try Observations.unwatched { try hashAll(paths, statuses, threads: threads) }
    if let observations = Observations.current {
      for file in files {
        observations.add(content: file.path, file.status, isRacy: file.racy) { file.digest }
      }
    }
    return files
  }

  private func hashAll(_ paths: [String], _ statuses: [FileSystem.Status], threads: Int) throws -> [HashedFile] {
    loadIfNeeded()
    // Each index writes its own place.
    nonisolated(unsafe) let results = UnsafeMutableBufferPointer<Result<HashedFile, any Error>?>.allocate(
      capacity: paths.count)
    results.initialize(repeating: nil)
    defer {
      results.deinitialize()
      results.deallocate()
    }
    let known = state.withLock { $0.entries }
    if !known.isEmpty {
      parallelFor(paths.count, threads: threads) { index in
        let path = paths[index]
        guard let entry = known[path],
          let status = index < statuses.count ? statuses[index] : FileSystem.status(path), Self.matches(entry, status)
        else { return }
        results[index] = .success(HashedFile(path: path, digest: entry.digest, status: status, racy: false))
      }
    }
    let unknown = paths.indices.filter { results[$0] == nil }
    // Asked once, before the first file is read: what changed shortly before that or later counts as just changed, however
    // long the others take. Asking makes a file, which takes longer than reading a small one.
    let clock = unknown.isEmpty ? nil : clockProbe()
    Digest.ofFiles(unknown.map { paths[$0] }, threads: threads) { [self] place, reading in
      let index = unknown[place]
      results[index] = Result { try hashedFile(paths[index], try reading.get(), clock: clock) }
    }
    // One result for each index. What was read is remembered even where another file could not be.
    remember(
      unknown.compactMap { index in
        guard case .success(let file)? = results[index] else { return nil }
        return file.racy ? nil : file
      })
    return try results.map { try $0!.get() }
  }

  /// A file by its first reading, or by another where it changed meanwhile.
  /// - Parameter clock: the file system's idea of now before the first reading, in ns.
  /// - Throws: `StageFailure` when the file changes each time it is read.
  private func hashedFile(_ path: String, _ first: FileReading, clock: Int?) throws -> HashedFile {
    var reading = first
    for attempt in 0..<3 {
      if attempt > 0 { reading = try Digest.ofFile(path) }
      hashed.add(1, ordering: .relaxed)
      if reading.isSteady {
        let racy = clock.map { reading.after.changed > $0 - Self.racyWindow } ?? true
        return HashedFile(path: path, digest: reading.digest, status: reading.after, racy: racy)
      }
    }
    throw StageFailure("\(path) keeps changing while it is read", help: "run again once nothing writes to it")
  }

  private func remember(_ files: [HashedFile]) {
    guard !files.isEmpty else { return }
    state.withLock { state in
      state.entries.reserveCapacity(state.entries.count + files.count)
      state.fresh.reserveCapacity(state.fresh.count + files.count)
      for file in files {
        let status = file.status
        let entry = Entry(
          size: status.size, modified: status.modified, changed: status.changed, inode: status.inode,
          device: status.device, digest: file.digest)
        state.entries[file.path] = entry
        state.fresh.append((file.path, entry))
      }
    }
  }

  private static func matches(_ entry: Entry, _ status: FileSystem.Status) -> Bool {
    entry.size == status.size && entry.modified == status.modified && entry.changed == status.changed
      && entry.inode == status.inode && entry.device == status.device
  }

  private func loadIfNeeded() {
    state.withLock { state in
      guard !state.loaded else { return }
      state.loaded = true
      state.entries = Self.read(path)
    }
  }

  /// Writes what was learned, merged with what other processes wrote meanwhile.
  func save(_ writer: (Data) throws -> Void) throws {
    let fresh = state.withLock { state in
      defer { state.fresh = [] }
      return state.fresh
    }
    guard !fresh.isEmpty else { return }
    let merged = Self.read(path).merging(fresh.map { ($0.path, $0.entry) }) { _, new in new }
    var text: [UInt8] = Array("pipeline-files 1\n".utf8)
    for (path, entry) in merged {
      entry.digest.append(to: &text)
      text += " \(entry.size) \(entry.modified) \(entry.changed) \(entry.inode) \(entry.device) ".utf8
      text += path.utf8
      text.append(0)
    }
    try writer(Data(text))
  }

  /// Records end with a zero byte, which no path holds. Anything unreadable is skipped: it is hashed again.
  private static func read(_ path: String) -> [String: Entry] {
    guard let data = try? FileSystem.read(path) else { return [:] }  // none yet, or unreadable: all is hashed again
    return parse(data)
  }

  static func parse(_ data: Data) -> [String: Entry] {
    guard data.starts(with: Array("pipeline-files 1\n".utf8)) else { return [:] }
    var entries: [String: Entry] = [:]
    entries.reserveCapacity(data.count / 150)
    data.withUnsafeBytes { bytes in
      var at = 17
      while at < bytes.count {
        guard let zero = memchr(bytes.baseAddress! + at, 0, bytes.count - at) else { break }  // not empty
        let end = UnsafeRawPointer(zero) - bytes.baseAddress!
        if let (name, entry) = record(UnsafeRawBufferPointer(rebasing: bytes[at..<end])) { entries[name] = entry }
        at = end + 1
      }
    }
    return entries
  }

  /// `<digest> <size> <modified> <changed> <inode> <device> <path>`
  private static func record(_ bytes: UnsafeRawBufferPointer) -> (String, Entry)? {
    guard bytes.count > 76, let digest = Digest(hexBytes: UnsafeRawBufferPointer(rebasing: bytes[0..<64])) else {
      return nil
    }
    var at = 65
    func number() -> Int? {
      let isNegative = at < bytes.count && bytes[at] == 0x2d
      if isNegative { at += 1 }
      var value = 0
      let start = at
      while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39, at - start < 19 {
        value = value &* 10 &+ Int(bytes[at] - 0x30)
        at += 1
      }
      guard at > start, at < bytes.count, bytes[at] == 0x20, value >= 0 else { return nil }
      at += 1
      return isNegative ? -value : value
    }
    guard let size = number(), let modified = number(), let changed = number(), let inode = number(),
      let device = number(), inode >= 0, device >= 0, at < bytes.count,
      let name = String(validating: bytes[at...], as: UTF8.self)
    else { return nil }
    return (
      name,
      Entry(
        size: size, modified: modified, changed: changed, inode: UInt64(inode), device: UInt64(device), digest: digest)
    )
  }
}
