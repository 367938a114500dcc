import Foundation
import Synchronization

/// Watches jobs on one thread: reads what they write, and asks the queue about all of them at once.
final class SlurmWatch: Sendable {
  private struct Entry: Sendable {
    var job: SlurmJob
    let report: @Sendable (SlurmJob.Report) -> Void
  }

  private struct State {
    var arrivals: [Entry] = []
    /// All that are watched, new ones too.
    var tickets: Set<Int> = []
    var isRunning = false
    var isClosed = false
  }

  private let options: SlurmOptions
  /// Tells people what concerns no stage alone.
  private let note: @Sendable (String) -> Void
  private let state = Mutex(State())
  private let wake = DispatchSemaphore(value: 0)

  init(options: SlurmOptions, note: @escaping @Sendable (String) -> Void) {
    self.options = options
    self.note = note
  }

  /// - Parameter report: called once, with how it ended or what is to be done.
  func add(_ job: SlurmJob, report: @escaping @Sendable (SlurmJob.Report) -> Void) {
    let starts = state.withLock { state in
      state.arrivals.append(Entry(job: job, report: report))
      state.tickets.insert(job.ticket)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if starts { Thread { self.run() }.start() } else { wake.signal() }
  }

  /// - Returns: whether it was watched; nothing is reported of it any more then.
  func leave(_ ticket: Int) -> Bool { state.withLock { $0.tickets.remove(ticket) != nil } }

  func close() {
    state.withLock { $0.isClosed = true }
    wake.signal()
  }

  // MARK: - The thread

  private func run() {
    var entries: [Entry] = []
    var lastLook: ContinuousClock.Instant?
    var isSilent = false
    while true {
      let (arrivals, isClosed) = state.withLock { state in
        defer { state.arrivals = [] }
        entries.removeAll { !state.tickets.contains($0.job.ticket) }
        return (state.arrivals, state.isClosed)
      }
      if isClosed { return }
      entries += arrivals
      // Of its own new jobs a run knows enough for now.
      if arrivals.contains(where: { $0.job.isAdopted || $0.job.id == nil }) { lastLook = nil }
      tell(&entries) { $0.read() }
      if !entries.isEmpty, lastLook.map({ ContinuousClock.now - $0 >= .seconds(options.poll) }) ?? true {
        lastLook = .now
        look(&entries, &isSilent)
      }
      _ = wake.wait(timeout: .now() + options.tail)
    }
  }

  private func look(_ entries: inout [Entry], _ isSilent: inout Bool) {
    switch options.commands.look() {
    case .silent(let text):
      if !isSilent { note("Slurm does not answer (\(text)); waiting, its jobs may go on all the same") }
      isSilent = true
    case .jobs(let jobs):
      if isSilent { note("Slurm answers again") }
      isSilent = false
      let byID = Dictionary(jobs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      let byFolder = Dictionary(jobs.map { ($0.folder, $0) }, uniquingKeysWith: { first, _ in first })
      tell(&entries) { job in job.see(job.id.map { byID[$0] } ?? byFolder[job.submission.folder]) }
    }
  }

  private func tell(_ entries: inout [Entry], _ body: (inout SlurmJob) -> SlurmJob.Report?) {
    for index in entries.indices.reversed() {
      guard let report = body(&entries[index].job) else { continue }
      let entry = entries.remove(at: index)
      if leave(entry.job.ticket) { entry.report(report) }
    }
  }
}
