/// The stage types a pipeline file can use.
public struct StageCatalogue: Sendable {
  public let stages: [any Stage.Type]

  public init(_ stages: [any Stage.Type]) {
    self.stages = stages
    let names = stages.map { $0.type }
    precondition(Set(names).count == names.count, "two stages share a type name")
  }

  public subscript(type: StageType) -> (any Stage.Type)? { stages.first { $0.type == type } }
}
