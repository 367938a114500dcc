import Foundation

/// The programs through which Slurm is spoken to. Every answer may be missing, late or nonsense.
struct SlurmCommands: Hashable, Sendable {
  /// Where the programs are; nil for PATH.
  var folder: String?
  /// Seconds that a program may take.
  var timeout: Double

  init(folder: String? = nil, timeout: Double? = nil) {
    self.folder = folder
    self.timeout = timeout ?? 60
  }

  /// The fate of a submission.
  enum Submission: Hashable, Sendable {
    case submitted(String)
    /// Slurm will not have this job; trying again would not help.
    case refused(String)
    /// The job may be in the queue or not.
    case unclear(String)
  }

  /// The queue's answer about all of the user's jobs.
  enum Look: Sendable {
    case jobs([SlurmJobState])
    /// No answer: nothing is known.
    case silent(String)
  }

  func path(_ name: String) -> String { folder.map { "\($0)/\(name)" } ?? name }

  /// - Parameter kept: an open file that stays open until `sbatch` has ended, whatever becomes of this process.
  func submit(_ arguments: [String], kept: Int32?) -> Submission {
    let ending = run(["sbatch"] + arguments, kept: kept)
    guard let status = ending.status else { return .unclear(ending.message) }
    if status == 0 {
      // Sites wrap sbatch and print greetings: the id stands alone on a line.
      let ids = ending.output.split(whereSeparator: \.isNewline).compactMap(Self.jobID)
      if let id = ids.last { return .submitted(id) }
      return .unclear("sbatch gave no job id: \(Self.short(ending.output + " " + ending.message))")
    }
    let text = Self.short(ending.message.isEmpty ? "sbatch ended with status \(status)" : ending.message)
    return Self.isPassing(ending.message) ? .unclear(text) : .refused(text)
  }

  func look() -> Look {
    let ending = run([
      "squeue", "--noheader", "--states=all", "--user=\(getuid())", "--format=\(SlurmJobState.format)",
    ])
    guard ending.status == 0 else {
      return .silent(
        Self.short(ending.message.isEmpty ? "squeue ended with status \(ending.status ?? -1)" : ending.message))
    }
    let lines = ending.output.split(whereSeparator: \.isNewline)
    let jobs = lines.compactMap { SlurmJobState(line: String($0)) }
    // Of an answer that cannot be read at all nothing is known either.
    if jobs.isEmpty, let first = lines.first { return .silent("squeue said: \(Self.short(String(first)))") }
    return .jobs(jobs)
  }

  /// Exit code, node and state of a job that has ended, as far as Slurm still knows them.
  func details(_ id: String) -> SlurmDetails? {
    let shown = run(["scontrol", "show", "job", "--oneliner", id])
    if shown.status == 0, let details = SlurmDetails(scontrol: shown.output) { return details }
    let accounted = run([
      "sacct", "--allocations", "--noheader", "--parsable2", "--jobs=\(id)", "--format=State,ExitCode,NodeList",
    ])
    return accounted.status == 0 ? SlurmDetails(sacct: accounted.output) : nil
  }

  func cancel(_ id: String) { _ = run(["scancel", id]) }

  /// - Returns: nil when the queue took it back, else what Slurm said.
  func requeue(_ id: String) -> String? {
    let ending = run(["scontrol", "requeue", id])
    return ending.status == 0 ? nil : Self.short(ending.message)
  }

  func version() -> SystemCommand.Ending { run(["sbatch", "--version"]) }

  private func run(_ words: [String], kept: Int32? = nil) -> SystemCommand.Ending {
    SystemCommand(
      words: [path(words[0])] + words.dropFirst(), environment: Self.environment, timeout: timeout, kept: kept)()
  }

  /// Jobs start with this environment, so no variables of this process get into them; those that configure Slurm's own
  /// programs stay. A run inside of another job must not hand down that job's allocation, which SLURM_ variables describe.
  private static let environment: [String: String] = {
    let own = ProcessInfo.processInfo.environment
    var passed = own.filter { $0.key.hasPrefix("SBATCH_") && $0.key != "SBATCH_CLUSTERS" && $0.key != "SBATCH_EXPORT" }
    for name in ["PATH", "HOME", "USER", "LOGNAME", "LD_LIBRARY_PATH", "SLURM_CONF", "MUNGE_SOCKET"] {
      passed[name] = own[name]
    }
    passed["LC_ALL"] = "C.UTF-8"
    return passed
  }()

  /// `123`, or `123;cluster`.
  static func jobID(_ line: Substring) -> String? {
    let word = line.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
    let id = word.trimmingCharacters(in: .whitespaces)
    return !id.isEmpty && id.utf8.count < 20 && id.utf8.allSatisfy { (48...57).contains($0) } ? id : nil
  }

  /// Trouble that goes away by itself; the job may be in the queue all the same.
  static func isPassing(_ message: String) -> Bool {
    let signs = [
      "contact slurm controller", "timed out", "temporarily", "connection refused", "connection reset",
      "unable to establish", "zero bytes were transmitted", "resource unavailable", "no route to host", "maxsubmit",
      "maxjobcount", "not responding", "backup controller", "socket",
    ]
    let text = message.lowercased()
    return signs.contains { text.contains($0) }
  }

  private static func short(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }.joined(separator: "; ")
    return line.count > 400 ? line.prefix(399) + "…" : line
  }
}

extension SlurmOptions {
  var commands: SlurmCommands { SlurmCommands(folder: commandFolder, timeout: commandTimeout) }
}
