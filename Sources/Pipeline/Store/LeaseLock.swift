import Basics
import Foundation

/// A lock made of leases, for file systems without locks: `locks/<key>.lease/` holds numbered leases, of which the highest
/// counts. Whoever finds it released or left behind makes the next number; making a file succeeds for one process only.
///
/// Nobody takes away a lease that counts, so two processes that judge the same lease at the same time cannot both follow.
/// The lease of a living process on this machine is never taken over, however long its heartbeat stands still (it may be
/// stopped); that of a process that has ended is, at once. Of other machines only heartbeats can be seen.
struct LeaseLock {
  /// The observations of a waiting process so far.
  struct Watch {
    fileprivate var generation = 0
    fileprivate var content = Data()
    fileprivate var since = ContinuousClock.now
    /// Who holds it, for people.
    fileprivate(set) var holder = ""
  }

  let folder: String
  let locking: Locking

  /// Takes the lock if it is free; otherwise remembers in `watch` what it looks like.
  /// - Throws: `FileProblem` when the folder cannot be read or written.
  func attempt(_ watch: inout Watch) throws -> LeaseFile? {
    try FileSystem.makeDirectories(folder)
    let newest = try generations().max() ?? 0
    guard try newest == 0 || isFree(newest, &watch) else { return nil }
    let path = place(newest + 1)
    guard let lease = try LeaseFile(creating: path, interval: locking.beat) else { return nil }
    // Between looking and making, others may have had it and gone on; then a higher number counts.
    let now = try generations()
    guard now.max() == newest + 1 else {
      lease.release(removing: true)
      return nil
    }
    for old in now where old <= newest { Glibc.unlink(place(old)) }
    return lease
  }

  private func place(_ generation: Int) -> String { "\(folder)/\(generation)" }

  private func generations() throws -> [Int] { try FileSystem.names(in: folder).compactMap { Int($0) } }

  private func isFree(_ generation: Int, _ watch: inout Watch) throws -> Bool {
    guard let content = try FileSystem.read(place(generation)) else { return false }  // gone meanwhile: look again
    let record = LeaseRecord(content)
    if let record {
      if record.isReleased { return true }
      watch.holder = "process \(record.holder.pid) on \(record.holder.host)"
      if let isAlive = record.holder.isAlive { return !isAlive }
    }
    guard watch.generation == generation, watch.content == content else {
      watch.generation = generation
      watch.content = content
      watch.since = .now
      return false
    }
    let patience = max(locking.expiry, 4 * (record?.interval ?? 0))
    return ContinuousClock.now - watch.since > .milliseconds(patience)
  }

  /// Whether nobody holds it and nobody has for a day: then even the folder can go.
  /// - Parameter now: by the clock of the file system, in ns.
  func isLongUnused(now: Int) throws -> Bool {
    for generation in try generations() {
      guard let status = FileSystem.status(place(generation)) else { return false }
      if now - status.changed < 86_400_000_000_000 { return false }
      let record = LeaseFile.read(place(generation))
      if record?.isReleased != true, record?.holder.isAlive == true { return false }
    }
    return true
  }
}
