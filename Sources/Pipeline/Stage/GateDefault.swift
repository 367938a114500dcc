/// Whether a gate opens by itself once everything expected is there, or asks a person.
public enum GateApproval: String, ParameterChoice { case explicit, automatic }

/// How a gated stage type behaves when a file does not declare `gate:`.
public struct GateDefault: Hashable, Sendable {
  public var approve: GateApproval
  /// The share of expected samples that must be there, 0...1.
  public var coverage: Double
  /// What a person has to do, in one or two sentences.
  public var message: String

  public init(approve: GateApproval, coverage: Double = 1, message: String) {
    self.approve = approve
    self.coverage = coverage
    self.message = message
  }
}
