import Pipeline

enum FuzzStages {
  static let catalogue = StageCatalogue([Start.self, Middle.self, Free.self])
}

struct Start: WholeStage {
  struct Parameters: StageParameters {
    var folder = UserPath("")
    var size = 8
    var share = 0.5
    var names: [String] = []
    var limit: TimeSpan?
    static let fields: [ParameterField<Self>] = [
      .init("folder", \.folder, "Folder."), .init("size", \.size, "Size.", type: .int(1...64)),
      .init("share", \.share, "Share.", type: .double(0...1)), .init("names", \.names, "Names."),
      .init("limit", \.limit, "Limit."),
    ]
  }
  static let type: StageType = "start"
  static let version = 1
  static let summary = "Starts."
  static let usesSeed = true
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("a", "a", .samples, doc: "A."), OutputPort("b", "b", .files, doc: "B.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Middle: WholeStage {
  typealias Parameters = NoParameters
  static let type: StageType = "middle"
  static let version = 1
  static let summary = "Goes on."
  static let gate: StageGate? = StageGate(approve: .explicit, message: "Look at ${inputs.one}.")
  static let inputs = [
    InputPort("one", "a", doc: "One."), InputPort("many", "a", "b", arity: .many, doc: "Many."),
    InputPort("maybe", "b", arity: .optional, doc: "Maybe."),
  ]
  static let outputs = [OutputPort("a", "a", .samples, doc: "A.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Free: WholeStage {
  struct Parameters: StageParameters {
    var outputs: [String] = ["out"]
    var values: [String: Double] = [:]
    var anything: [String: String]?
    static let fields: [ParameterField<Self>] = [
      .init("outputs", \.outputs, "Outputs."), .init("values", \.values, "Values."),
      .init("anything", \.anything, "Words."),
    ]
  }
  static let type: StageType = "free"
  static let version = 1
  static let summary = "Takes anything."
  static let acceptsAnyInput = true
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("out", "files", .files, doc: "Files.")]
  static func outputs(for parameters: Parameters) -> [OutputPort] {
    parameters.outputs.map { OutputPort($0, "files", .files, doc: "Files.") }
  }
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}
