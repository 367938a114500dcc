import Basics
import Foundation
import Synchronization

/// A message of a worker to the process that started it: one line of JSON each.
enum WorkerEvent: Sendable {
  /// Another process is bringing the same result about; this one waits for it.
  case waiting(holder: String)
  /// Where a batch job stands.
  case queue(QueuePlace)
  case started(toRun: Int, reused: Int)
  case progress(StageProgress)
  /// Worth knowing.
  case note(String)
  /// The remote cache cannot be asked any more.
  case remoteFailed(String)
  case done(StageResult, reused: Bool)
  case samplesDone
  case stopped
  case failed(Failure)

  struct Failure: Hashable, Sendable {
    enum Kind: String, Sendable {
      case failure
      /// An input file changed meanwhile: look again.
      case changed
      /// A stored file is gone or damaged: whoever made it has to make it again.
      case damaged
    }

    var kind: Kind
    var message: String
    var help: String?
  }

  var json: JSON {
    switch self {
    case .waiting(let holder): return ["event": "waiting", "holder": .string(holder)]
    case .queue(let place): return JSON.object(["event": "queue"].merging(place.members) { $1 })
    case .started(let toRun, let reused): return ["event": "started", "to_run": .int(toRun), "reused": .int(reused)]
    case .progress(let progress): return JSON.object(["event": "progress"].merging(progress.members) { $1 })
    case .note(let message): return ["event": "note", "message": .string(message)]
    case .remoteFailed(let message): return ["event": "remote_failed", "message": .string(message)]
    case .done(let result, let reused): return ["event": "done", "result": result.json, "reused": .bool(reused)]
    case .samplesDone: return ["event": "samples_done"]
    case .stopped: return ["event": "stopped"]
    case .failed(let failure):
      return [
        "event": "failed", "kind": .string(failure.kind.rawValue), "message": .string(failure.message),
        "help": failure.help.map(JSON.string) ?? .null,
      ]
    }
  }

  /// - Throws: `RecordProblem` naming the field that is missing or of another type, or the event that this version does not know.
  init(record: JSON) throws {
    let fields = try RecordFields(record)
    let event: String = try fields.read("event")
    switch event {
    case "waiting": self = .waiting(holder: try fields.read("holder"))
    case "queue": self = .queue(try QueuePlace(fields))
    case "started": self = .started(toRun: try fields.read("to_run"), reused: try fields.read("reused"))
    case "progress": self = .progress(try StageProgress(fields))
    case "note": self = .note(try fields.read("message"))
    case "remote_failed": self = .remoteFailed(try fields.read("message"))
    case "done": self = .done(try fields.read("result"), reused: try fields.read("reused"))
    case "samples_done": self = .samplesDone
    case "stopped": self = .stopped
    case "failed":
      self = .failed(
        Failure(kind: try fields.read("kind"), message: try fields.read("message"), help: try fields.read("help")))
    default: throw RecordProblem("is `\(event)`, which this version does not know", path: ["event"])
    }
  }

  /// An event from a line of text.
  /// - Returns: nil for a line that is no JSON: half of one, left by a worker that was killed while it wrote.
  /// - Throws: `RecordProblem` for a whole line that is no event.
  static func read(line: UnsafeRawBufferPointer) throws -> WorkerEvent? {
    guard let json = try? JSON(parsing: line) else { return nil }
    return try WorkerEvent(record: json)
  }

  /// Stands in for a line that could be read only in part, so that people see what was lost.
  static func unreadable(_ problem: any Error) -> WorkerEvent {
    .note("the worker reported what cannot be read: \(Diagnostic(problem).message)")
  }
}

extension WorkerEvent: RecordValue {}
extension WorkerEvent.Failure.Kind: RecordValue {}

extension WorkerEvent {
  /// Whether it says how the work ended.
  var isOutcome: Bool {
    switch self {
    case .done, .samplesDone, .failed: true
    default: false
    }
  }
}

/// Writes events to a file descriptor, whole lines at a time, from any thread.
final class WorkerEventWriter: Sendable {
  private let fd: Int32
  private let lock = Mutex(())
  private let onOutcome: (@Sendable (WorkerEvent) -> Void)?

  init(fd: Int32) {
    self.fd = fd
    onOutcome = nil
  }

  /// Drops all events.
  static var discarding: WorkerEventWriter { WorkerEventWriter(fd: -1) }

  /// Adds to a file.
  /// - Parameter onOutcome: gets what ends the work; that is not written.
  init(appendingTo path: String, onOutcome: @escaping @Sendable (WorkerEvent) -> Void) throws {
    fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw FileProblem("append to", path, code: errno) }
    self.onOutcome = onOutcome
    // Half a line may stand there from a worker that was killed.
    var s = stat()
    var last: UInt8 = 10
    if fstat(fd, &s) == 0, s.st_size > 0, pread(fd, &last, 1, s.st_size - 1) == 1, last != 10 {
      last = 10
      _ = write(fd, &last, 1)
    }
  }

  func send(_ event: WorkerEvent) {
    if let onOutcome, event.isOutcome { return onOutcome(event) }
    guard fd >= 0 else { return }
    let line = Array((event.json.canonical + "\n").utf8)
    lock.withLock { _ in
      var offset = 0
      while offset < line.count {
        let n = line.withUnsafeBytes { write(fd, $0.baseAddress! + offset, line.count - offset) }  // not empty
        if n < 0 && errno == EINTR { continue }
        // The other end is gone: this process is asked to stop by the same event, nothing to report to.
        if n <= 0 { return }
        offset += n
      }
    }
  }
}
