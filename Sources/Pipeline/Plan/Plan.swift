import Basics

/// The actions that a run would take, found without taking them.
public struct Plan: Sendable {
  public struct Stage: Sendable {
    public enum Action: Sendable, Hashable {
      case upToDate
      /// Certain to run.
      case run
      /// Reads from stages that run; runs too unless their results turn out the same as before (early cutoff).
      case dependsOnResults
      case waiting(GateStatus)
      /// Behind a gate that waits, or a stage that cannot run.
      case blocked(by: String)
      /// Cannot even be looked at: a missing source, for example.
      case impossible(Diagnostic)
    }

    public var instance: String
    public var action: Action
    public var reasons: [RunReason]
    /// For stages that map over samples; nil where the samples are not known yet.
    public var samples: SampleCounts?
    /// Names of samples that run, in natural order; the first hundred.
    public var sampleNames: [String]
    /// Where the gate will stand once these samples have run, if it will then wait.
    public var thenWaits: GateStatus?

    public var json: JSON {
      var members: [String: JSON] = [
        "stage": .string(instance), "reasons": .array(reasons.map { .string($0.text) }),
        "changes": .array(
          reasons.compactMap { if case .changed(let difference) = $0 { difference.json } else { nil } }),
      ]
      switch action {
      case .upToDate: members["action"] = "up_to_date"
      case .run: members["action"] = "run"
      case .dependsOnResults: members["action"] = "depends_on_results"
      case .waiting(let status):
        members["action"] = "waiting"
        members["gate"] = status.json
      case .blocked(let by):
        members["action"] = "blocked"
        members["by"] = .string(by)
      case .impossible(let problem):
        members["action"] = "impossible"
        members["error"] = .string(problem.message)
        members["help"] = problem.help.map(JSON.string)
      }
      if let thenWaits { members["then_waits"] = thenWaits.json }
      if let samples {
        members["samples"] = ["total": .int(samples.total), "to_run": .int(samples.toRun)]
        members["sample_names"] = .array(sampleNames.map(JSON.string))
      }
      return .object(members)
    }
  }

  public var stages: [Stage]

  public var isUpToDate: Bool { stages.allSatisfy { $0.action == .upToDate } }
  public subscript(instance: String) -> Stage? { stages.first { $0.instance == instance } }
}
