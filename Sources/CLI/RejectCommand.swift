import ArgumentParser

/// `pipeline reject [FILE] STAGE -m TEXT`: keeps a gate closed until other content is there. Deletes nothing.
struct RejectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject", abstract: "Reject what waits at a gate; nothing is deleted.")

  @OptionGroup var decision: GateDecision

  func run() throws { try decision.take(approved: false) }
}
