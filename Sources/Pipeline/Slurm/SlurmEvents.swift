import Basics
import Foundation

/// The events that a job's worker has written so far; opened anew at each look, which is what makes a change visible on
/// network file systems.
struct SlurmEvents: Sendable {
  let path: String
  private var offset: UInt64 = 0
  private var rest = Data()

  init(path: String) { self.path = path }

  /// The events since the last look; of progress only the newest. A line that is only half there waits for its end.
  mutating func next() -> [WorkerEvent] {
    guard let file = FileHandle(forReadingAtPath: path) else { return [] }  // not there yet
    defer { try? file.close() }  // only read
    guard (try? file.seek(toOffset: offset)) != nil, let data = try? file.readToEnd(), !data.isEmpty else { return [] }
    offset += UInt64(data.count)
    rest += data
    var events: [WorkerEvent] = []
    while let end = rest.firstIndex(of: 10) {
      if let event = Self.event(rest[rest.startIndex..<end]) {
        if case .progress = event, case .progress? = events.last { events.removeLast() }
        events.append(event)
      }
      rest = Data(rest[rest.index(after: end)...])
    }
    return events
  }

  private static func events(in path: String) -> [WorkerEvent] {
    guard let data = try? FileSystem.read(path) else { return [] }  // not there yet
    return data.split(separator: 10).compactMap(event)
  }

  /// Nil for half a line, which a worker that was killed leaves.
  private static func event(_ line: Data) -> WorkerEvent? {
    do { return try line.withUnsafeBytes { try WorkerEvent.read(line: $0) } } catch { return .unreadable(error) }
  }

  /// The job that wrote them; nil before it has started.
  static func firstJob(in path: String) -> String? {
    for case .queue(let place) in events(in: path) { return place.job }
    return nil
  }

  /// The furthest progress since the last start, by unit, and whether the worker saved its work before it ended.
  static func lastRound(in path: String) -> (furthest: [String: Int], isSaved: Bool) {
    var furthest: [String: Int] = [:]
    var isSaved = false
    for event in events(in: path) {
      switch event {
      case .queue:
        furthest = [:]
        isSaved = false
      case .progress(let progress):
        if let done = progress.done { furthest[progress.unit] = max(done, furthest[progress.unit] ?? 0) }
      case .stopped: isSaved = true
      default: break
      }
    }
    return (furthest, isSaved)
  }
}
