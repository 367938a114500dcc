import Basics
import Foundation
import Synchronization

extension Store {
  /// What `cache verify` found.
  public struct Verification: Sendable {
    public var blobs = 0
    public var bytes = 0
    /// Files whose bytes are not what their name says; now in quarantine.
    public var damagedBlobs: [String] = []
    public var results = 0
    /// Records that are not whole or whose files are gone; their stages run again when asked for.
    public var lostResults: [String] = []

    public var isClean: Bool { damagedBlobs.isEmpty && lostResults.isEmpty }
  }

  /// Reads everything and moves what is damaged out of the way.
  /// - Throws: `FileProblem` when the store cannot be read.
  public func verify(threads: Int = MachineResources.cpus, progress: @Sendable (Int, Int) -> Void = { _, _ in }) throws
    -> Verification
  {
    let blobs = try entries("blobs")
    let state = Mutex((bytes: 0, done: 0, damaged: [String](), failure: (any Error)?.none))
    parallelFor(blobs.count, threads: threads) { index in
      let (digest, path) = blobs[index]
      let size = FileSystem.linkStatus(path)?.size ?? 0
      do {
        let isSound = try check(digest, size: nil)
        let done = state.withLock { state in
          state.bytes += size
          state.done += 1
          if !isSound { state.damaged.append(digest.hex) }
          return state.done
        }
        if done % 256 == 0 { progress(done, blobs.count) }
      } catch {
        state.withLock { $0.failure = error }
      }
    }
    var report = Verification()
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      report.blobs = blobs.count
      report.bytes = state.bytes
      report.damagedBlobs = state.damaged.sorted()
    }
    for (key, path) in try entries("results", suffix: ".json") {
      report.results += 1
      guard let data = try FileSystem.read(path) else { continue }
      guard let result = Self.decodeRecord(data).flatMap(StageResult.init), result.key == key else {
        report.lostResults.append("\(key.short) (the record is damaged)")
        try quarantine(path, reason: "the record is not readable or is another's")
        continue
      }
      if try closure(of: result) == nil {
        report.lostResults.append(result.made.instance)
        try FileSystem.unlink(path)
      }
    }
    return report
  }
}
