import Basics
import Pipeline

/// Small stages with the shapes that real ones have; the specification never runs them.
enum TestCatalogue {
  static let catalogue = StageCatalogue([
    Collect.self, Ingest.self, Split.self, Degrade.self, Train.self, Evaluate.self, Report.self, Command.self,
  ])
}

struct Collect: WholeStage {
  struct Parameters: StageParameters {
    var source = UserPath("")
    var size = 512
    var extra: [UserPath] = []
    static let fields: [ParameterField<Self>] = [
      .init("source", \.source, "Folder of photos.", required: true),
      .init("size", \.size, "Side of the square crop.", unit: "px", type: .int(16...8192)),
      .init("extra", \.extra, "More folders."),
    ]
  }
  static let type: StageType = "images.collect"
  static let version = 1
  static let summary = "Collects photos."
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("images", "photos", .samples, doc: "The photos.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Ingest: WholeStage {
  struct Parameters: StageParameters {
    enum Kind: String, ParameterChoice { case splats, maps }
    var folder: UserPath?
    var accept: [Kind] = [.splats, .maps]
    static let fields: [ParameterField<Self>] = [
      .init("folder", \.folder, "Where the results lie."), .init("accept", \.accept, "What is accepted."),
    ]
  }
  static let type: StageType = "facelift.ingest"
  static let version = 1
  static let summary = "Waits for results."
  static let inputs = [InputPort("photos", "photos", doc: "The photos that results are expected for.")]
  static let outputs = [
    OutputPort("maps", "renders", .samples, doc: "Maps."), OutputPort("splats", "splats", .samples, doc: "Splats."),
  ]
  static let gate: StageGate? = StageGate(
    approve: .explicit, message: "Put the results for ${inputs.photos} there.")
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Split: WholeStage {
  struct Parameters: StageParameters {
    var validation = 0.1
    var seed = 42
    static let fields: [ParameterField<Self>] = [
      .init("validation", \.validation, "Share for validation.", type: .double(0...1)),
      .init("seed", \.seed, "Seed of the split."),
    ]
  }
  static let type: StageType = "dataset.split"
  static let version = 1
  static let summary = "Splits."
  static let inputs = [InputPort("maps", "renders", doc: "The maps.")]
  static let outputs = [OutputPort("dataset", "dataset", .samples, doc: "The dataset.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Degrade: WholeStage {
  struct Parameters: StageParameters {
    enum Kind: String, ParameterChoice { case bicubic, render, bicubicNoise = "bicubic_noise", renderQ8 = "render_q8" }
    var kind = Kind.bicubic
    var scale = 4
    static let fields: [ParameterField<Self>] = [
      .init("kind", \.kind, "Degradation."), .init("scale", \.scale, "Factor.", type: .int(2...16)),
    ]
  }
  static let type: StageType = "depth.degrade"
  static let version = 1
  static let summary = "Degrades."
  static let inputs = [InputPort("dataset", "dataset", doc: "The dataset.")]
  static let outputs = [OutputPort("pairs", "pairs", .samples, doc: "Low-resolution maps.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Train: WholeStage {
  struct Model: StageParameters {
    var type = "unet"
    var baseChannels = 32
    var blocks: Int?
    static let fields: [ParameterField<Self>] = [
      .init("type", \.type, "Network."), .init("base_channels", \.baseChannels, "Channels.", type: .int(1...1024)),
      .init("blocks", \.blocks, "Blocks."),
    ]
  }
  struct Normals: StageParameters {
    var weight = 0.0
    var source = "none"
    static let fields: [ParameterField<Self>] = [
      .init("weight", \.weight, "Weight."), .init("source", \.source, "Source."),
    ]
  }
  struct Loss: StageParameters {
    var normals = Normals()
    static let fields: [ParameterField<Self>] = [.init("normals", \.normals, "Normal loss.")]
  }
  /// A map whose fields follow from its type.
  struct Schedule: ParameterValue {
    static let parameters = TaggedParameters(
      tag: "type", doc: "the form of the schedule",
      cases: [
        .init("constant", "Stays.", fields: []),
        .init(
          "cosine", "Half a cosine.",
          fields: [
            .init(name: "period", type: .optional(.int(1...1000)), doc: "Steps.", defaultValue: .null),
            .init(name: "minimum", type: .double(0...1), doc: "Smallest rate.", defaultValue: 0),
            .init(name: "shape", type: .choice(["round", "steep"]), doc: "Form.", defaultValue: "round"),
            .init(name: "power", type: .intChoice([1, 2, 4]), doc: "Power.", defaultValue: 1),
          ]),
        .init(
          "steps", "Falls at milestones.",
          fields: [.init(name: "milestones", type: .list(.int(0...1000)), doc: "Where it falls.", defaultValue: nil)]),
      ], standard: "constant", isNameEnough: true)
    var written: JSON = "constant"
    static var parameterType: ParameterType { .tagged(parameters) }
    init() {}
    init(parameter node: Node) throws {
      _ = try Self.parameters.check(node)
      written = node.json
    }
    var parameterJSON: JSON? { written }
  }
  struct Parameters: StageParameters {
    var model = Model()
    var schedule = Schedule()
    var epochs = 100
    var lr = 1e-3
    var patience: TimeSpan?
    var loss = Loss()
    var tags: [String] = []
    static let fields: [ParameterField<Self>] = [
      .init("model", \.model, "Network."), .init("schedule", \.schedule, "Schedule."),
      .init("epochs", \.epochs, "Epochs.", type: .int(1...100_000)),
      .init("lr", \.lr, "Learning rate."), .init("patience", \.patience, "Give up after."),
      .init("loss", \.loss, "Loss."), .init("tags", \.tags, "Words."),
    ]
  }
  static let type: StageType = "train"
  static let version = 1
  static let summary = "Trains."
  static let usesSeed = true
  static let inputs = [
    InputPort("dataset", "dataset", doc: "The dataset."), InputPort("lr", "pairs", doc: "Low-resolution maps."),
    InputPort("start", "model", arity: .optional, doc: "Weights to start from."),
  ]
  static let outputs = [
    OutputPort("model", "model", .files, doc: "The network."), OutputPort("log", "log", .files, doc: "The history."),
  ]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Evaluate: WholeStage {
  typealias Parameters = NoParameters
  static let type: StageType = "evaluate.cross"
  static let version = 1
  static let summary = "Evaluates."
  static let inputs = [
    InputPort("models", "model", arity: .many, doc: "The networks."),
    InputPort("tests", "pairs", arity: .many, doc: "The test sets."),
    InputPort("dataset", "dataset", doc: "The dataset."),
  ]
  static let outputs = [OutputPort("table", "table", .files, doc: "The table.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Report: WholeStage {
  typealias Parameters = NoParameters
  static let type: StageType = "report"
  static let version = 1
  static let summary = "Reports."
  static let inputs = [
    InputPort("tables", "table", arity: .many, doc: "Tables."),
    InputPort("curves", "log", arity: .many, doc: "Curves."),
  ]
  static let outputs = [OutputPort("report", "report", .files, doc: "The page.")]
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}

struct Command: WholeStage {
  struct Parameters: StageParameters {
    var run: [String] = []
    var outputs: [String] = ["out"]
    static let fields: [ParameterField<Self>] = [
      .init("run", \.run, "Program and arguments.", required: true), .init("outputs", \.outputs, "Output ports."),
    ]
  }
  static let type: StageType = "command"
  static let version = 1
  static let summary = "Runs a program."
  static let acceptsAnyInput = true
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("out", "files", .files, doc: "What the program wrote.")]
  static func outputs(for parameters: Parameters) -> [OutputPort] {
    parameters.outputs.map { OutputPort($0, "files", .files, doc: "What the program wrote.") }
  }
  func run(_ context: StageContext, _ parameters: Parameters) async throws {}
}
