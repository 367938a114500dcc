import ArgumentParser

/// `pipeline approve [FILE] STAGE -m TEXT`: opens a gate for the content that is there now.
struct ApproveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Approve what waits at a gate.",
    discussion: "Bound to content: a sample that is new or changes later is asked about again, the others are not.")

  @OptionGroup var decision: GateDecision

  func run() throws { try decision.take(approved: true) }
}
