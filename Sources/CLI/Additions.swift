import Basics
import NN
import Pipeline
import Stages

/// What a program has besides the standard stages, networks and losses.
public struct Additions: Sendable {
  /// Stage types; each has a `type` and a `version`, which are part of its keys.
  public var stages: [any Stage.Type]
  /// Networks for `model:`; each has a `version`, which is part of the keys of what it trains.
  public var networks: [ModelKind]
  /// Terms for `loss:`.
  public var losses: [LossTerm]

  public init(stages: [any Stage.Type] = [], networks: [ModelKind] = [], losses: [LossTerm] = []) {
    (self.stages, self.networks, self.losses) = (stages, networks, losses)
  }

  /// Adds everything to the catalogues of this process.
  /// - Throws: `Diagnostic` when a name is taken; standard rows are never replaced.
  func register() throws {
    do {
      // Before the stages, whose fields are made from networks and losses.
      try ModelCatalogue.catalogue.add(networks)
      try LossCatalogue.catalogue.add(losses)
    } catch {
      throw Diagnostic("\(error)", help: "give what the program adds a name of its own")
    }
    try StageCatalogue.add(stages)
  }
}
