import Basics
import Foundation
import Synchronization

extension Store {
  /// The findings of `cache verify`.
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
  public func verify(
    threads: Int = MachineResources.cpus, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws -> Verification {
    let blobs = try entries("blobs")
    let sizes = blobs.map { FileSystem.linkStatus($0.path)?.size ?? 0 }
    let state = Mutex((done: 0, damaged: [String]()))
    try check(blobs.map { ($0.digest, size: nil) }, threads: threads) { index, isSound in
      let done = state.withLock { state in
        state.done += 1
        if !isSound { state.damaged.append(blobs[index].digest.hex) }
        return state.done
      }
      if done % 256 == 0 { progress(done, blobs.count) }
    }
    var report = Verification()
    report.blobs = blobs.count
    report.bytes = sizes.reduce(0, +)
    report.damagedBlobs = state.withLock { $0.damaged.sorted() }
    for (key, path) in try entries("results", suffix: ".json") {
      report.results += 1
      guard let data = try FileSystem.read(path) else { continue }
      let result: StageResult
      do { result = try Self.readResult(data, key: key) } catch {
        report.lostResults.append("\(key.short) (the record is damaged)")
        try quarantine(path, reason: "the record is not readable: \(Diagnostic(error).message)")
        continue
      }
      if try closure(of: result) == nil {
        report.lostResults.append(result.made.instance)
        try FileSystem.unlink(path)
      }
    }
    return report
  }

  /// Reads a blob's bytes and moves it out of the way when they are not what its name says.
  func check(_ digest: Digest, size: Int?) throws -> Bool {
    let isSound = Mutex(false)
    try check([(digest, size)], threads: 1) { _, found in isSound.withLock { $0 = found } }
    return isSound.withLock { $0 }
  }

  /// Checks many blobs, on several cores.
  /// - Parameters:
  ///   - blobs: with the sizes they must have, where known.
  ///   - found: gets each index once, on any thread, and whether that blob is sound.
  /// - Throws: the first `FileProblem`, once all other blobs are checked.
  func check(
    _ blobs: [(digest: Digest, size: Int?)], threads: Int, found: @escaping @Sendable (Int, Bool) -> Void
  ) throws {
    let failure = Mutex<(any Error)?>(nil)
    let settle: @Sendable (Int, () throws -> Bool) -> Void = { [self] index, isSound in
      do {
        let isSound = try isSound()
        if !isSound { try quarantine(blobPath(blobs[index].digest), reason: "its bytes do not have its digest") }
        found(index, isSound)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    var readable: [Int] = []
    for (index, blob) in blobs.enumerated() {
      guard let status = FileSystem.linkStatus(blobPath(blob.digest)) else {
        found(index, false)
        continue
      }
      // A link or a pipe in a blob's place is not read, nor is what has the wrong size.
      if status.isRegular, blob.size == nil || blob.size == status.size {
        readable.append(index)
      } else {
        settle(index) { false }
      }
    }
    let files = readable
    Digest.ofFiles(files.map { blobPath(blobs[$0].digest) }, threads: threads) { place, reading in
      settle(files[place]) { try reading.get().digest == blobs[files[place]].digest }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }
}
