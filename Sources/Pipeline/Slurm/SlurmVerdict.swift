/// Whether a job that has left no record is still to be waited for. Pure: looks and times go in.
///
/// No answer is no news. Only a queue that answers, again and again, that the job has ended (or that there is no such job)
/// is believed, and only after the time that the job's own record may need to arrive.
struct SlurmVerdict: Hashable, Sendable {
  enum Decision: Hashable, Sendable {
    case wait
    /// It has ended, in this state.
    case ended(String)
    /// The queue does not know it any more.
    case forgotten
    /// `sbatch` was begun, but the job never came into the queue.
    case neverSubmitted
  }

  /// Seconds.
  let grace: Double
  let settle: Double
  /// Whether the queue has shown the job alive.
  private(set) var wasAlive = false
  private var endedSince: Double?
  private var absentSince: Double?
  private var absentLooks = 0

  /// Answers without the job before it counts as gone.
  static let looks = 3

  init(grace: Double, settle: Double) {
    self.grace = grace
    self.settle = settle
  }

  /// - Parameters:
  ///   - job: as an answering queue shows it; nil when it does not.
  ///   - isKnown: whether the job's id is known.
  ///   - now: seconds by any clock that only goes forward.
  mutating func see(_ job: SlurmJobState?, isKnown: Bool, now: Double) -> Decision {
    guard let job else {
      endedSince = nil
      absentLooks += 1
      let since = absentSince ?? now
      absentSince = since
      guard absentLooks >= Self.looks, now - since >= (isKnown ? grace : settle) else { return .wait }
      return isKnown ? .forgotten : .neverSubmitted
    }
    absentSince = nil
    absentLooks = 0
    guard job.hasEnded else {
      endedSince = nil
      wasAlive = true
      return .wait
    }
    let since = endedSince ?? now
    endedSince = since
    return now - since >= grace ? .ended(job.state) : .wait
  }
}
