import Foundation

/// One line of the queue: where a job stands.
struct SlurmJobState: Hashable, Sendable {
  var id: String
  /// As `squeue` spells it, such as `PENDING`.
  var state: String
  /// The nodes it has, or had.
  var nodes: String
  var name: String
  /// Why it waits, such as `Resources`; empty when there is nothing to say.
  var reason: String
  /// Its working folder, which is that of its submission: what tells a job that nobody noted the id of.
  var folder: String

  /// The folder is last: it may hold any character.
  static let format = "%A|%T|%N|%j|%r|%Z"

  /// Nil for a line that is not one of this format.
  init?(line: String) {
    let fields = line.split(separator: "|", maxSplits: 4, omittingEmptySubsequences: false)
    guard fields.count == 5, let id = SlurmCommands.jobID(fields[0]), !fields[1].isEmpty,
      fields[1].utf8.allSatisfy({ (65...90).contains($0) || $0 == 95 }), let place = fields[4].range(of: "|/")
    else { return nil }
    self.id = id
    state = String(fields[1])
    nodes = String(fields[2])
    name = String(fields[3])
    let reason = String(fields[4][..<place.lowerBound])
    self.reason = reason == "None" ? "" : reason
    folder = String(fields[4][fields[4].index(after: place.lowerBound)...])
  }

  init(id: String, state: String, nodes: String = "", name: String = "", reason: String = "", folder: String = "") {
    (self.id, self.state, self.nodes, self.name, self.reason, self.folder) = (id, state, nodes, name, reason, folder)
  }

  /// States in which a job will not run again. One that is not known here counts as living.
  private static let final: Set<String> = [
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
    "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL",
  ]

  var hasEnded: Bool { Self.final.contains(state) }
}

/// Slurm's account of a job that has ended.
struct SlurmDetails: Hashable, Sendable {
  var state: String
  /// `status:signal`
  var exitCode: String
  var nodes: String

  /// - Parameter text: of `scontrol show job --oneliner`.
  init?(scontrol text: String) {
    var fields: [Substring: Substring] = [:]
    for word in text.split(whereSeparator: \.isWhitespace) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // Values with blanks, such as a comment, cannot come first under these names.
      if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
    }
    guard let state = fields["JobState"] else { return nil }
    self.state = String(state)
    exitCode = String(fields["ExitCode"] ?? "")
    nodes = fields["NodeList"] == "(null)" ? "" : String(fields["NodeList"] ?? "")
  }

  /// - Parameter text: of `sacct`, `State|ExitCode|NodeList`; the last line counts, that of the last start.
  init?(sacct text: String) {
    guard let line = text.split(whereSeparator: \.isNewline).last else { return nil }
    let fields = line.split(separator: "|", omittingEmptySubsequences: false)
    // `CANCELLED by 1000`
    guard fields.count == 3, let state = fields[0].split(separator: " ").first else { return nil }
    self.state = String(state)
    exitCode = String(fields[1])
    nodes = String(fields[2])
  }

  /// `exit code 3`, `signal 9`; nil when there is nothing to say.
  var ending: String? {
    let parts = exitCode.split(separator: ":").compactMap { Int($0) }
    guard parts.count == 2 else { return nil }
    if parts[1] != 0 { return "signal \(parts[1])" }
    return parts[0] != 0 ? "exit code \(parts[0])" : nil
  }
}
