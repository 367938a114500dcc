import Basics
import Foundation
import Synchronization

/// How processes that share a store keep out of each other's way.
public struct Locking: Hashable, Sendable {
  public enum Mode: String, Sendable, CaseIterable {
    /// Locks of the kernel: they end with the process that holds them.
    case flock
    /// Files with a heartbeat, for file systems whose locks do not reach other machines.
    case leases
  }

  static let fileName = "locking.json"

  public var mode: Mode
  /// Milliseconds between two heartbeats of a lease.
  public var beat: Int
  /// Milliseconds without a heartbeat after which the lease of another machine counts as left behind.
  public var expiry: Int
  /// Chosen by a person, not by the kind of file system.
  public var isForced: Bool

  public init(_ mode: Mode, beat: Int = 5000, expiry: Int = 60_000, isForced: Bool = false) {
    self.mode = mode
    self.beat = beat
    self.expiry = expiry
    self.isForced = isForced
  }

  var json: JSON {
    ["mode": .string(mode.rawValue), "beat": .int(beat), "expiry": .int(expiry), "forced": .bool(isForced)]
  }

  /// - Throws: `RecordProblem` naming the field that is missing or out of range.
  init(_ json: JSON) throws {
    let fields = try RecordFields(json)
    self.init(
      try fields.read("mode"), beat: try fields.read("beat"), expiry: try fields.read("expiry"),
      isForced: try fields.read("forced"))
    for (name, value) in [("beat", beat), ("expiry", expiry)] where value < 1 {
      throw RecordProblem("is \(value) ms, which is not positive", path: [name])
    }
  }

  /// The kind that suits the file system of the nearest folder that exists.
  static func suited(to path: String) -> Locking { Locking(networkFileSystem(at: path) == nil ? .flock : .leases) }

  /// The name of the network file system at a path, such as `nfs4`; nil when it is a local one.
  public static func networkFileSystem(at path: String) -> String? {
    var folder = path
    while !FileSystem.exists(folder), folder != "/" { folder = (folder as NSString).deletingLastPathComponent }
    guard let device = FileSystem.status(folder)?.device else { return nil }
    // No /proc, no network file systems to speak of.
    let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    // As makedev(3) puts them together.
    let major = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
    let minor = device & 0xff | (device >> 12) & ~0xff & 0xffff_ffff
    return type(ofDevice: "\(major):\(minor)", mounts: mounts)
  }

  /// - Parameter mounts: as in proc(5), `mountinfo`.
  static func type(ofDevice device: String, mounts: String) -> String? {
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 6, fields[2] == device, let dash = fields[6...].firstIndex(of: "-"), dash + 1 < fields.count
      else { continue }
      let name = String(fields[dash + 1])
      return networkTypes.contains(name) || name.hasPrefix("fuse.") ? name : nil
    }
    return nil
  }

  private static let networkTypes: Set<String> = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p", "vboxsf", "virtiofs",
    "ocfs2",
    "gfs2", "glusterfs", "orangefs", "panfs", "wekafs",
  ]
}

/// The store's record of its kind of locks, so that all machines use the same.
final class LockingChoice: Sendable {
  private let root: String
  private let state = Mutex<Locking?>(nil)

  init(root: String) { self.root = root }

  private var path: String { root + "/" + Locking.fileName }

  /// Nil when nothing is written. To take an unreadable choice for none would be to choose another kind of lock than the other
  /// machines use, and so to have no lock at all.
  private func written() throws -> Locking? {
    guard let data = try FileSystem.read(path) else { return nil }
    do { return try Locking(JSON(parsing: data)) } catch {
      throw StageFailure(
        "how this store is locked cannot be read from \(path): \(Diagnostic(error).message)",
        help: "while no run is active on any machine, `pipeline doctor --locks auto` writes it anew "
          + "(or `--locks leases`, where leases were chosen by hand)")
    }
  }

  /// Before anything is written: the kind that suits the file system.
  /// - Throws: `StageFailure` when a choice is written down and cannot be read.
  func current() throws -> Locking {
    try state.withLock { state in
      if let state { return state }
      let suited = Locking.suited(to: root)
      // A machine that reaches the store over a network needs leases, whatever suited the machine that made it.
      let found = try written().map { $0.isForced || suited.mode == .flock ? $0 : suited } ?? suited
      state = found
      return found
    }
  }

  fileprivate func set(_ locking: Locking, in store: Store) throws {
    // Writing needs a temporary file, which is locked in this way already.
    state.withLock { $0 = locking }
    do { try store.write(Data((locking.json.canonical + "\n").utf8), to: path) } catch {
      state.withLock { $0 = nil }
      throw error
    }
  }

  /// Tells other machines when it is leases that are needed.
  fileprivate func settle(in store: Store) throws {
    let chosen = try current()
    if chosen.mode == .flock { return }
    if try written() == chosen { return }
    try set(chosen, in: store)
  }
}

extension Locking.Mode: RecordValue {}

extension Store {
  /// - Throws: `StageFailure` when a choice is written down and cannot be read.
  public var locking: Locking { get throws { try lockingChoice.current() } }

  /// Writes down how this store is locked. Only while no run is active.
  /// - Parameter locking: nil for what suits its file system.
  /// - Throws: `FileProblem` when nothing can be written there; `StageFailure` for a store of another format.
  public func setLocking(_ locking: Locking?) throws {
    try prepareFormat()
    try lockingChoice.set(locking ?? Locking.suited(to: root), in: self)
  }

  func settleLocking() throws {
    do { try lockingChoice.settle(in: self) } catch let problem as FileProblem
      where [EROFS, EACCES].contains(problem.code)
    {
      return  // what nobody can write needs no locks
    }
  }
}
