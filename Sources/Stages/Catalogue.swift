import Pipeline

extension StageCatalogue {
  /// Every stage type of this program, in the order in which data flows. One row each.
  public static let standard = StageCatalogue([
    HeadsSynthesize.self,
    SplatsRender.self,
    SplatsConsistency.self,
    SplatsDegrade.self,
    Report.self,
  ])
}
