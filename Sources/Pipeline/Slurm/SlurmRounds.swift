import Basics
import Foundation

/// The progress of a job's rounds, from one wall-clock limit to the next: a stage that begins anew each time must not
/// do so for ever.
struct SlurmRounds: Hashable, Sendable {
  /// Rounds that ended at the limit.
  var count = 0
  /// Rounds in a row in which nothing moved.
  var idle = 0
  /// Stands for the stage's working folder and its finished samples.
  var mark = Digest.of("").hex
  /// The furthest progress reported so far, by unit.
  var furthest: [String: Int] = [:]

  /// Rounds without progress after which the stage has failed.
  static let limit = 3

  init() {}

  var json: JSON {
    [
      "count": .int(count), "idle": .int(idle), "mark": .string(mark),
      "furthest": .object(furthest.mapValues(JSON.int)),
    ]
  }

  /// - Throws: `RecordProblem` naming the field that is missing or of another type.
  init(_ fields: RecordFields) throws {
    count = try fields.read("count")
    idle = try fields.read("idle")
    mark = try fields.read("mark")
    furthest = try fields.read("furthest")
  }

  /// A round has ended.
  /// - Parameters:
  ///   - mark: as the working folder is now.
  ///   - reported: the furthest progress reported in this round.
  /// - Returns: whether there may be another.
  mutating func end(mark: String, reported: [String: Int]) -> Bool {
    let moved = mark != self.mark || reported.contains { $0.value > furthest[$0.key] ?? 0 }
    count += 1
    idle = moved ? 0 : idle + 1
    self.mark = mark
    furthest.merge(reported) { max($0, $1) }
    return idle < Self.limit
  }

  /// - Parameter text: how the last round ended.
  func failure(_ text: String) -> WorkerEvent.Failure {
    WorkerEvent.Failure(
      kind: .failure,
      message: "\(text), and the last \(idle) rounds made no progress: no checkpoint, no finished sample",
      help: "raise `resources: { time: ... }`, or `settings.slurm.signal`, which is the time it gets to save its work")
  }

  /// Names, sizes and times of what the stage keeps between rounds.
  static func mark(of job: WorkerJob, in store: Store) -> String {
    var text = ""
    func add(_ path: String) {
      guard let status = FileSystem.linkStatus(path) else { return }
      text += "\(path) \(status.isDirectory ? 0 : status.size) \(status.isDirectory ? 0 : status.modified)\n"
      // A folder that cannot be listed counts as empty.
      guard status.isDirectory, let names = try? FileSystem.names(in: path) else { return }
      for name in names.sorted() { add(path + "/" + name) }
    }
    add(store.scratchPath(job.key.digest))
    if let group = job.group { add(store.path("samples", group.digest, ".log")) }
    return Digest.of(text).hex
  }
}
