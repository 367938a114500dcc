import Basics
import Foundation
import Synchronization

/// The services of a stage that runs in a worker.
final class WorkerServices: StageServices {
  private let blobs: BlobBatch
  private let root: String
  private let events: WorkerEventWriter
  private let stopping = Atomic<Bool>(false)
  private let interrupted = Atomic<Bool>(false)
  private let lastReport = Mutex<ContinuousClock.Instant?>(nil)
  private let reportInterval: Duration
  private let writeLog: @Sendable (String) -> Void

  /// - Parameter log: takes the lines that the stage logs; standard output is the log of a worker.
  init(
    store: Store, events: WorkerEventWriter, reportInterval: Duration = .milliseconds(100),
    log: @escaping @Sendable (String) -> Void = { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) }
  ) {
    writeLog = log
    blobs = BlobBatch(store)
    root = store.root
    self.events = events
    self.reportInterval = reportInterval
  }

  func store(_ data: Data) throws -> StoredFile { try blobs.put(data) }

  func store(contentsOf url: URL) throws -> StoredFile { try blobs.put(contentsOf: url.path) }

  /// Makes sure that a file that an output names is in the store: a file of the user's that is passed on is copied now.
  func seal(_ file: StoredFile) throws {
    if blobs.holds(file.digest, size: file.size) { return }
    let path = file.url.path
    if path.hasPrefix(root + "/blobs/") { throw DamagedBlob(digest: file.digest, reason: "missing") }
    try blobs.put(contentsOf: path, expecting: file.digest)
  }

  /// Makes everything stored so far survive a power cut; called before a record names it. A result that is given becomes
  /// visible then.
  func flush(recording result: StageResult? = nil) throws { try blobs.commit(recording: result) }

  /// Passes on ten reports a second at most (fewer to a file); the last of a series always (`done == total`).
  func report(_ progress: StageProgress) {
    let now = ContinuousClock.now
    let isLast = progress.done != nil && progress.done == progress.total
    let passes = lastReport.withLock { last in
      if !isLast, let previous = last, now - previous < reportInterval { return false }
      last = now
      return true
    }
    if passes { events.send(.progress(progress)) }
  }

  func log(_ line: String) { writeLog(line) }

  func note(_ line: String) {
    log(line)
    events.send(.note(line))
  }

  var isStopping: Bool { stopping.load(ordering: .relaxed) || interrupted.load(ordering: .relaxed) }
  func stop() { stopping.store(true, ordering: .relaxed) }
  /// The stage is to stop, but the worker carries on with something else, and then calls `resume`.
  func interrupt() { interrupted.store(true, ordering: .relaxed) }
  func resume() { interrupted.store(false, ordering: .relaxed) }
}
