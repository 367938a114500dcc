import Basics
import Foundation
import Synchronization

/// The few file operations the store is made of. Every change passes `FaultInjection`.
enum FileSystem {
  /// Everything `stat` says that shows whether a file changed.
  struct Status: Hashable, Sendable {
    var size: Int
    var modified: Int  // ns since 1970
    var changed: Int  // ns since 1970
    var inode: UInt64
    var device: UInt64
    var mode: UInt32

    var isDirectory: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    var isRegular: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
    var isLink: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFLNK) }

    init(size: Int, modified: Int, changed: Int, inode: UInt64, device: UInt64, mode: UInt32) {
      self.size = size
      self.modified = modified
      self.changed = changed
      self.inode = inode
      self.device = device
      self.mode = mode
    }

    init(_ s: stat) {
      size = Int(s.st_size)
      modified = s.st_mtim.tv_sec * 1_000_000_000 + s.st_mtim.tv_nsec
      changed = s.st_ctim.tv_sec * 1_000_000_000 + s.st_ctim.tv_nsec
      inode = UInt64(s.st_ino)
      device = UInt64(s.st_dev)
      mode = UInt32(s.st_mode)
    }
  }

  /// Nil when there is nothing at the path (`errno` says why); follows links.
  static func status(_ path: String) -> Status? { noting(look(path)) { $0.add(.status, path, $1) } }

  /// Like `status`, of the link itself.
  static func linkStatus(_ path: String) -> Status? {
    var s = stat()
    return noting(lstat(path, &s) == 0 ? Status(s) : nil) { $0.add(.linkStatus, path, $1) }
  }

  static func exists(_ path: String) -> Bool { noting(access(path, F_OK) == 0) { $0.add(exists: path, $1) } }

  /// `status` without a note in `Observations`, for callers that note something narrower.
  static func look(_ path: String) -> Status? {
    var s = stat()
    return stat(path, &s) == 0 ? Status(s) : nil
  }

  /// Adds what was seen to the current record, if there is one, and leaves `errno` as it was.
  private static func noting<T>(_ seen: T, _ note: (Observations, T) -> Void) -> T {
    guard let observations = Observations.current else { return seen }
    let code = errno
    note(observations, seen)
    errno = code
    return seen
  }

  static func openForReading(_ path: String) throws -> Int32 {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw FileProblem("read", path, code: errno) }
    return fd
  }

  /// `status` of an open file, which nobody notes: what is read of it is.
  static func status(of fd: Int32, _ path: String) throws -> Status {
    var s = stat()
    guard fstat(fd, &s) == 0 else { throw FileProblem("read", path, code: errno) }
    return Status(s)
  }

  /// Reads what there is, up to the size of `buffer`.
  /// - Returns: how many bytes; 0 at the end.
  static func read(_ fd: Int32, _ path: String, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let n = Glibc.read(fd, buffer.baseAddress, buffer.count)
      if n >= 0 { return n }
      if errno != EINTR { throw FileProblem("read", path, code: errno) }
    }
  }

  static func makeDirectories(_ path: String) throws {
    if let found = status(path) {
      if found.isDirectory { return }
      throw FileProblem("make the folder", path, code: ENOTDIR)
    }
    let parent = (path as NSString).deletingLastPathComponent
    if !parent.isEmpty, parent != path { try makeDirectories(parent) }
    FaultInjection.passing(.mkdir)
    if mkdir(path, 0o777) != 0, errno != EEXIST { throw FileProblem("make the folder", path, code: errno) }
  }

  /// Makes sure that a finished rename in this folder survives a power cut.
  static func syncDirectory(_ path: String) throws {
    FaultInjection.passing(.fsync)
    let fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard fd >= 0 else { throw FileProblem("open", path, code: errno) }
    defer { close(fd) }
    // Some network and overlay file systems cannot sync a folder and say EINVAL; there is nothing more to do there.
    if fsync(fd) != 0, errno != EINVAL, errno != EROFS { throw FileProblem("sync", path, code: errno) }
  }

  static func sync(_ fd: Int32, _ path: String, size: Int) throws {
    FaultInjection.passing(.fsync)
    if fsync(fd) != 0 { throw FileProblem("write", path, code: errno, size: size) }
  }

  static func rename(_ old: String, to new: String) throws {
    FaultInjection.passing(.rename)
    if Glibc.rename(old, new) != 0 { throw FileProblem("rename \(old) to", new, code: errno) }
  }

  static func unlink(_ path: String) throws {
    FaultInjection.passing(.unlink)
    if Glibc.unlink(path) != 0, errno != ENOENT { throw FileProblem("remove", path, code: errno) }
  }

  static func write(_ bytes: UnsafeRawBufferPointer, to fd: Int32, _ path: String) throws {
    FaultInjection.passing(.write)
    var offset = 0
    while offset < bytes.count {
      let n = Glibc.write(fd, bytes.baseAddress! + offset, bytes.count - offset)  // not empty: the loop runs
      if n < 0 {
        if errno == EINTR { continue }
        throw FileProblem("write", path, code: errno, size: bytes.count)
      }
      offset += n
    }
  }

  /// The content, or its first `limit` bytes; nil when there is no such file.
  static func read(_ path: String, upTo limit: Int? = nil) throws -> Data? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else {
      let code = errno
      Observations.current?.add(content: path, nil, limit: limit) { Digest.of("") }
      if code == ENOENT || code == ENOTDIR { return nil }
      throw FileProblem("open", path, code: code)
    }
    defer { close(fd) }
    let status = try status(of: fd, path)
    let data = try read(fd, path, min(status.size, limit ?? .max))
    Observations.current?.add(content: path, status, limit: limit) { Digest.of(data) }
    return data
  }

  private static func read(_ fd: Int32, _ path: String, _ count: Int) throws -> Data {
    var data = Data(count: count)
    let expected = data.count
    var offset = 0
    while offset < expected {
      let n = try data.withUnsafeMutableBytes { try read(fd, path, into: .init(rebasing: $0[offset...])) }
      if n == 0 { break }
      offset += n
    }
    if offset < expected { data.removeLast(expected - offset) }
    return data
  }

  /// Names in a folder, unsorted, without `.` and `..`.
  /// - Throws: `StageFailure` for a name that is not UTF-8, which no key could hold faithfully.
  static func names(in path: String) throws -> [String] {
    guard let directory = opendir(path) else { throw FileProblem("list", path, code: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name: String? = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name else {
        throw StageFailure(
          "a file name in \(path) is not valid UTF-8", help: "rename it (`ls -b \(path)` shows such names)")
      }
      if name != "." && name != ".." { names.append(name) }
    }
    Observations.current?.add(names: names, in: path)
    return names
  }

  /// FICLONE of linux/fs.h
  private static let ficlone: UInt = 0x4004_9409

  /// Whether the file system shares the content of two files (and this copy now does).
  static func reflink(_ source: String, to target: String) throws -> Bool {
    let input = open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw FileProblem("read", source, code: errno) }
    defer { close(input) }
    FaultInjection.passing(.create)
    let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw FileProblem("create", target, code: errno) }
    defer { close(output) }
    return ioctl(output, ficlone, input) == 0
  }

  /// Copies with a reflink where the file system can, else byte by byte.
  static func copy(_ source: String, to target: String, mode: mode_t, exclusive: Bool = true) throws {
    let input = open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw FileProblem("read", source, code: errno) }
    defer { close(input) }
    FaultInjection.passing(.create)
    let output = open(target, O_WRONLY | O_CREAT | (exclusive ? O_EXCL : O_TRUNC) | O_CLOEXEC, mode)
    guard output >= 0 else { throw FileProblem("create", target, code: errno) }
    defer { close(output) }
    FaultInjection.passing(.write)
    if ioctl(output, ficlone, input) == 0 { return }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let n = buffer.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
      if n < 0, errno == EINTR { continue }
      if n < 0 { throw FileProblem("read", source, code: errno) }
      if n == 0 { break }
      try buffer.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[0..<n]), to: output, target) }
    }
  }

  /// Removes a folder and what is in it.
  static func removeTree(_ path: String) throws {
    guard let found = linkStatus(path) else { return }
    if found.isDirectory {
      chmod(path, 0o755)
      for name in try names(in: path) { try removeTree(path + "/" + name) }
      if rmdir(path) != 0, errno != ENOENT { throw FileProblem("remove", path, code: errno) }
    } else {
      try unlink(path)
    }
  }

  /// Absolute path without `.` and `..`, links left alone.
  static func absolute(_ path: String) -> String {
    let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var parts: [Substring] = []
    for part in full.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}
