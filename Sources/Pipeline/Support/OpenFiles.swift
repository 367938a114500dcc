import Foundation

/// How many files a process may have open.
enum OpenFiles {
  /// Makes sure that a run has enough: raises the limit as far as is allowed.
  /// - Parameter jobs: workers at once.
  /// - Throws: `StageFailure` when that is not enough. The system's libraries end the process when they run out, so this is
  ///   said before anything starts.
  static func ensure(jobs: Int) throws {
    let needed = rlim_t(48 + 4 * min(jobs, 1000))
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < needed else { return }
    limit.rlim_cur = min(needed, limit.rlim_max)
    if limit.rlim_cur == needed, setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 { return }
    throw StageFailure(
      "too many open files: this process may have \(limit.rlim_max) files open at once, a run with \(jobs) jobs needs \(needed)",
      help: "raise the limit (`ulimit -n 1024`) or run fewer jobs (-j)")
  }
}
