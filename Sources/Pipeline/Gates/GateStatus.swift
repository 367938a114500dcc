import Basics

/// Where a gate stands: what it expects, what is there, what a person has said.
public struct GateStatus: Hashable, Sendable {
  public struct Finding: Hashable, Sendable {
    public var name: String
    public var reason: String

    static func json(_ list: [Finding]) -> JSON {
      .array(list.map { ["sample": .string($0.name), "reason": .string($0.reason)] })
    }

    /// `a (too small); b (a duplicate of c) and 4 more`
    public static func summary(_ list: [Finding], limit: Int = 3) -> String {
      GateStatus.list(
        list.map { $0.reason.isEmpty ? $0.name : "\($0.name) (\($0.reason))" }, limit: limit, separator: "; ")
    }
  }

  public var instance: String
  public var approve: GateApproval
  public var coverage: Double
  /// The work that a person has to do, in the pipeline file's words.
  public var message: String
  public var expected: Int
  /// Samples that are there and valid.
  public var ready: Int
  /// Ready, but nobody has approved this content. `wasApproved` ones were, with another content.
  public var unapproved: [String]
  public var changed: [String]
  /// The difference of each of those, such as `external.splat`.
  public var changes: [Finding] = []
  public var missing: [Finding]
  public var invalid: [Finding]
  public var rejected: [Finding]
  /// Digests that an approval binds to, by sample.
  public var contents: [String: Digest]

  package init(
    instance: String, approve: GateApproval, coverage: Double, message: String, expected: Int, ready: Int,
    unapproved: [String], changed: [String], missing: [Finding], invalid: [Finding], rejected: [Finding],
    contents: [String: Digest]
  ) {
    self.instance = instance
    self.approve = approve
    self.coverage = coverage
    self.message = message
    self.expected = expected
    self.ready = ready
    self.unapproved = unapproved
    self.changed = changed
    self.missing = missing
    self.invalid = invalid
    self.rejected = rejected
    self.contents = contents
  }

  /// Whether enough is there.
  public var isCovered: Bool {
    expected > 0 && ready > 0 && Double(ready) >= (coverage * Double(expected)).rounded(.up) - 1e-9
  }

  public var isOpen: Bool {
    guard isCovered, rejected.isEmpty else { return false }
    return approve == .automatic || unapproved.isEmpty
  }

  /// One line: counts and names.
  public var summary: String {
    var parts = ["\(ready) of \(expected) there"]
    if !missing.isEmpty { parts.append("missing: \(Self.list(missing.map(\.name)))") }
    if !invalid.isEmpty {
      parts.append("invalid: \(Finding.summary(invalid))")
    }
    if !rejected.isEmpty {
      parts.append("rejected: \(Finding.summary(rejected, limit: 8))")
    }
    if approve == .explicit, isCovered, !unapproved.isEmpty {
      let note = changes.isEmpty ? "" : ", changed since approval: \(Finding.summary(changes))"
      parts.append("not approved: \(unapproved.count)\(note)")
    }
    return parts.joined(separator: "; ")
  }

  /// The next steps, with the exact command.
  /// - Parameter arguments: the pipeline file and what changes it, as words of a command line.
  public func nextSteps(_ arguments: String) -> [String] {
    var steps: [String] = []
    if !isCovered, !message.isEmpty { steps.append(message) }
    if !rejected.isEmpty {
      steps.append("replace the rejected files; new content is asked about again")
    }
    if isCovered, rejected.isEmpty, approve == .explicit, !unapproved.isEmpty {
      steps.append(
        "look at the files, then:  pipeline approve \(arguments) \(shellQuoted(instance)) -m \"checked\"")
    }
    steps.append("then continue with:  pipeline run \(arguments)")
    return steps
  }

  static func list(_ names: [String], limit: Int = 8, separator: String = ", ") -> String {
    let shown = names.prefix(limit).joined(separator: separator)
    return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
  }

  public var json: JSON {
    [
      "stage": .string(instance), "approve": .string(approve.rawValue), "coverage": .double(coverage),
      "message": .string(message), "expected": .int(expected), "ready": .int(ready),
      "unapproved": .array(unapproved.map(JSON.string)), "changed": .array(changed.map(JSON.string)),
      "changes": Finding.json(changes),
      "missing": Finding.json(missing), "invalid": Finding.json(invalid), "rejected": Finding.json(rejected),
      "open": .bool(isOpen),
    ]
  }
}
