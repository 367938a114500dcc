import Pipeline
import Stages
import Testing

/// Stage types that a program adds to the standard ones.
@Suite struct AdditionsTests {
  private struct Added: WholeStage {
    static let type: StageType = "tests.added"
    static let version = 1
    static let summary = "Does nothing."
    static let inputs: [InputPort] = []
    static let outputs: [OutputPort] = []
    typealias Parameters = NoParameters
    func run(_ context: StageContext, _ parameters: NoParameters) async throws {}
  }

  private struct Clashing: WholeStage {
    static let type: StageType = "images.collect"
    static let version = 1
    static let summary = "Would stand in for a standard stage."
    static let inputs: [InputPort] = []
    static let outputs: [OutputPort] = []
    typealias Parameters = NoParameters
    func run(_ context: StageContext, _ parameters: NoParameters) async throws {}
  }

  @Test func anAddedStageIsFound() throws {
    let catalogue = try StageCatalogue.standard.adding([Added.self])
    #expect(catalogue["tests.added"] == Added.self)
    #expect(catalogue.stages.count == StageCatalogue.standard.stages.count + 1)
  }

  @Test(arguments: [[Clashing.self], [Added.self, Added.self]] as [[any Stage.Type]])
  func aTakenNameIsAnError(_ stages: [any Stage.Type]) throws {
    let error = #expect(throws: Diagnostic.self) { try StageCatalogue.standard.adding(stages) }
    #expect(error?.message.contains("there are two stage types `\(stages[0].type)`") == true)
  }
}
