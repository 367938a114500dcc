import Foundation
import Pipeline
import Stages
import Testing

/// The catalogue against the stages that the sources declare.
@Suite struct CatalogueTests {
  /// Types of one name would share keys: the catalogue finds only the first.
  @Test func namesAreUniqueAndFindTheirOwnStage() throws {
    let stages = StageCatalogue.standard.stages
    #expect(Set(stages.map { $0.type }).count == stages.count)
    for stage in stages {
      let found = try #require(StageCatalogue.standard[stage.type])
      #expect(ObjectIdentifier(found) == ObjectIdentifier(stage), "\(stage.type) finds \(found)")
    }
  }

  /// A stage whose row was forgotten is found by its declaration.
  @Test func everyDeclaredStageHasARow() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/Stages")
    var declared: [String] = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: sources.path) where path.hasSuffix(".swift") {
      let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
      declared += text.matches(of: /static let type: StageType = "([^"]+)"/).map { String($0.1) }
    }
    #expect(declared.sorted() == StageCatalogue.standard.stages.map { $0.type.rawValue }.sorted())
  }
}
