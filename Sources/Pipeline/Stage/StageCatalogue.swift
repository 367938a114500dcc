/// The stage types a pipeline file can use.
public struct StageCatalogue: Sendable {
  public let stages: [any Stage.Type]

  public init(_ stages: [any Stage.Type]) {
    self.stages = stages
    let names = stages.map { $0.type }
    precondition(Set(names).count == names.count, "two stages share a type name")
  }

  /// This catalogue with more stage types behind the others.
  /// - Throws: `Diagnostic` when a type name is taken.
  public func adding(_ more: [any Stage.Type]) throws -> StageCatalogue {
    var names = Set(stages.map { $0.type })
    for stage in more where !names.insert(stage.type).inserted {
      throw Diagnostic(
        "there are two stage types `\(stage.type)`", help: "give the added one, `\(stage)`, another `type`")
    }
    return StageCatalogue(stages + more)
  }

  public subscript(type: StageType) -> (any Stage.Type)? { stages.first { $0.type == type } }
}
