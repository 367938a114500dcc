/// A stage that does all its work in one go.
public protocol WholeStage: Stage {
  /// Does the work. Called in a worker process.
  func run(_ context: StageContext, _ parameters: Parameters) async throws
}

extension WholeStage {
  public func opened(_ parameters: Parameters) -> StageBody {
    StageBody(.whole(OpenedWholeStage(stage: self, parameters: parameters)))
  }
}
