import Pipeline

extension StageCatalogue {
  /// Every stage type of this program, in the order in which data flows. One row each.
  public static let standard = StageCatalogue([
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
  ])
}
