import Basics
import Foundation
import Synchronization

/// A process, so that others can tell whether it is still there.
struct LeaseHolder: Hashable, Sendable {
  var host: String
  /// Names this start of the machine's kernel.
  var boot: String
  /// Process ids mean something only within their namespace.
  var namespace: String
  var pid: Int
  /// When the process started, in ticks since the boot: tells it from a later one with the same id.
  var started: Int

  static let own = LeaseHolder(
    host: Host.name, boot: text("/proc/sys/kernel/random/boot_id"),
    namespace: (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? "",  // no /proc
    pid: Int(getpid()), started: started(Int(getpid())) ?? 0)

  /// Whether the process lives; nil when that cannot be seen from here.
  var isAlive: Bool? {
    let own = Self.own
    guard !boot.isEmpty, boot == own.boot, namespace == own.namespace, own.started != 0 else { return nil }
    return Self.started(pid) == started
  }

  /// Nil for a process that has ended.
  private static func started(_ pid: Int) -> Int? {
    let stat = text("/proc/\(pid)/stat")
    guard let name = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: name)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return Int(fields[19])
  }

  private static func text(_ path: String) -> String {
    ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The content of a lease: who holds it, and a number that changes with every heartbeat. Nobody compares clocks: a waiting
/// process sees by its own clock how long the number has stayed the same.
struct LeaseRecord: Hashable, Sendable {
  var holder: LeaseHolder
  var beat: Int
  /// Milliseconds between two heartbeats.
  var interval: Int
  var isReleased: Bool

  /// Bytes on disk, always: a reader never sees an old tail.
  static let size = 512

  var data: Data {
    let json: JSON = [
      "host": .string(holder.host), "boot": .string(holder.boot), "namespace": .string(holder.namespace),
      "pid": .int(holder.pid), "started": .int(holder.started), "beat": .int(beat), "interval": .int(interval),
      "released": .bool(isReleased),
    ]
    var bytes = Data(json.canonical.utf8.prefix(Self.size - 1))
    bytes.append(Data(repeating: 0x20, count: Self.size - 1 - bytes.count))
    bytes.append(10)
    return bytes
  }

  init(holder: LeaseHolder, beat: Int, interval: Int, isReleased: Bool = false) {
    self.holder = holder
    self.beat = beat
    self.interval = interval
    self.isReleased = isReleased
  }

  /// - Throws: `RecordProblem` or `JSONProblem` for a record that is only half there.
  init(reading data: Data) throws {
    let fields = try RecordFields(JSON(parsing: data))
    holder = LeaseHolder(
      host: try fields.read("host"), boot: try fields.read("boot"), namespace: try fields.read("namespace"),
      pid: try fields.read("pid"), started: try fields.read("started"))
    beat = try fields.read("beat")
    interval = try fields.read("interval")
    isReleased = try fields.read("released")
  }

  /// Nil for a record that is only half there: it is just being written, so its heartbeat is all there is to go by.
  init?(_ data: Data) {
    do { try self.init(reading: data) } catch { return nil }
  }
}

/// A lease that this process holds: a file whose record is written anew at every heartbeat.
final class LeaseFile: Sendable {
  let path: String
  private let record: Mutex<LeaseRecord>
  private let gone = Atomic<Bool>(false)
  private let onLoss = Mutex<(@Sendable () -> Void)?>(nil)

  /// Makes the file; nil when there is one already.
  /// - Throws: `FileProblem` when it cannot be made.
  init?(creating path: String, interval: Int) throws {
    self.path = path
    let first = LeaseRecord(holder: .own, beat: 0, interval: interval)
    record = Mutex(first)
    FaultInjection.passing(.create)
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard fd >= 0 else {
      if errno == EEXIST { return nil }
      throw FileProblem("lock", path, code: errno)
    }
    defer { close(fd) }
    try first.data.withUnsafeBytes { try FileSystem.write($0, to: fd, path) }
    LeaseKeeper.shared.add(self, interval: interval)
  }

  /// Tells others that the holder lives.
  func beat() {
    let isLost = record.withLock { record in
      guard !record.isReleased else { return false }
      record.beat += 1
      return !Self.overwrite(path, record)
    }
    if isLost { lose() }
  }

  /// Writes a heartbeat, which shows whether the lease is still this process's; calls the handler of `whenLost` if it is not.
  /// - Returns: false once another machine has taken it over, because this one gave no sign for too long.
  func beatAndCheck() -> Bool {
    if gone.load(ordering: .acquiring) { return false }
    beat()
    return !gone.load(ordering: .acquiring)
  }

  /// - Parameter body: called once, from any thread, when the lease is found lost, and before `beatAndCheck` says so to anybody.
  func whenLost(_ body: @escaping @Sendable () -> Void) {
    onLoss.withLock { onLoss in
      if gone.load(ordering: .acquiring) { body() } else { onLoss = body }
    }
  }

  private func lose() {
    onLoss.withLock { body in
      body?()
      body = nil
      gone.store(true, ordering: .releasing)
    }
  }

  /// Others may have it. The file stays, or goes where it is nobody's turn to follow.
  func release(removing: Bool = false) {
    LeaseKeeper.shared.remove(self)
    record.withLock { record in
      guard !record.isReleased else { return }
      record.isReleased = true
      if removing { Glibc.unlink(path) } else { _ = Self.overwrite(path, record) }
    }
  }

  /// Opened anew each time: on network file systems that is what makes a change visible to others. Where it fails for any other
  /// reason, the next heartbeat tries again.
  /// - Returns: false when the file is not there any more: whoever takes a lease over removes it.
  @discardableResult
  private static func overwrite(_ path: String, _ record: LeaseRecord) -> Bool {
    let fd = open(path, O_WRONLY | O_CLOEXEC)
    guard fd >= 0 else { return errno != ENOENT && errno != ESTALE }
    _ = record.data.withUnsafeBytes { pwrite(fd, $0.baseAddress, $0.count, 0) }
    close(fd)
    return true
  }

  /// The content of a lease file; nil when it is not there or only half there.
  static func read(_ path: String) -> LeaseRecord? {
    (try? FileSystem.read(path)).flatMap { $0 }.flatMap(LeaseRecord.init)  // unreadable: nothing to go by
  }
}

/// One thread that writes the heartbeats of all leases of this process.
final class LeaseKeeper: Sendable {
  static let shared = LeaseKeeper()

  private struct State {
    var leases: [ObjectIdentifier: LeaseFile] = [:]
    var interval = Int.max
    var isRunning = false
  }

  private let state = Mutex(State())

  func add(_ lease: LeaseFile, interval: Int) {
    let starts = state.withLock { state in
      state.leases[ObjectIdentifier(lease)] = lease
      state.interval = min(state.interval, interval)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if starts { Thread { self.run() }.start() }
  }

  func remove(_ lease: LeaseFile) { _ = state.withLock { $0.leases.removeValue(forKey: ObjectIdentifier(lease)) } }

  /// Ends with the process.
  private func run() {
    while true {
      usleep(UInt32(max(1, min(60_000, state.withLock { $0.interval }))) * 1000)
      for lease in state.withLock({ Array($0.leases.values) }) { lease.beat() }
    }
  }
}
