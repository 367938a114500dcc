import Pipeline
import Stages

/// What a program has besides the standard stages and networks.
public struct Additions: Sendable {
  /// Stage types; each must have a type name of its own.
  public var stages: [any Stage.Type]

  public init(stages: [any Stage.Type] = []) { self.stages = stages }

  /// Adds everything to the catalogues of this process.
  /// - Throws: `Diagnostic` when a name is taken; standard rows are never replaced.
  func register() throws { try StageCatalogue.add(stages) }
}
