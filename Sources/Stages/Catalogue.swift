import Pipeline
import Synchronization

extension StageCatalogue {
  /// Every stage type of this program: the standard ones, then those that it added.
  public static var standard: StageCatalogue { all.withLock { $0 } }

  /// Adds stage types to this process.
  /// - Throws: `Diagnostic` when a type name is taken.
  public static func add(_ stages: [any Stage.Type]) throws {
    try all.withLock { $0 = try $0.adding(stages) }
  }

  private static let all = Mutex(StageCatalogue(own))

  /// The standard stage types in the order in which data flows. One row each.
  private static let own: [any Stage.Type] = [
    HeadsSynthesize.self,
    ImagesCollect.self,
    PairsCollect.self,
    FaceliftIngest.self,
    SplatsRender.self,
    SplatsConsistency.self,
    RendersAlign.self,
    MapsNormalize.self,
    NormalsImport.self,
    RelativeImport.self,
    MasksBuild.self,
    DatasetSplit.self,
    PhotosSplit.self,
    DepthDegrade.self,
    PhotosDegrade.self,
    SplatsDegrade.self,
    Train.self,
    WeightsImport.self,
    PredictionsImport.self,
    EvaluateCross.self,
    Evaluate.self,
    Command.self,
    Report.self,
  ]
}
