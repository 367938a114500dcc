/// Whether a gate opens by itself once everything expected is there, or asks a person.
public enum GateApproval: String, ParameterChoice { case explicit, automatic }

/// A point where a pipeline waits for a person or an outside program: as a stage type declares it for files that say nothing, and
/// as an instance has it.
public struct StageGate: Hashable, Sendable {
  public var approve: GateApproval
  /// The share of expected samples that must be there, 0...1.
  public var coverage: Double
  /// A person has to do this, in one or two sentences. May hold `${inputs.<port>}`, which the engine replaces by where that input was published.
  public var message: String

  public init(approve: GateApproval, coverage: Double = 1, message: String) {
    self.approve = approve
    self.coverage = coverage
    self.message = message
  }
}
