import Pipeline
import Stages
import Testing

@Suite struct CatalogueTests {
  @Test func everyStageTypeIsFoundByItsName() {
    for stage in StageCatalogue.standard.stages { #expect(StageCatalogue.standard[stage.type] != nil) }
  }
}
