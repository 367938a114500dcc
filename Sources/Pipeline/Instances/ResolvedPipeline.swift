import Basics

/// A pipeline file with its base files, profile and overrides applied: a validated graph of stage instances.
public struct ResolvedPipeline: Sendable {
  public var name: String
  /// The file as it was named by the caller.
  public var file: String
  public var description: String?
  public var seed: UInt64
  /// In topological order: every instance stands after those it reads from.
  public var instances: [StageInstance]
  /// Ids of the instances to bring up to date; all of them when the file names no targets.
  public var targets: [String]
  /// The file's variants and matrix, in order: what the whole graph is repeated over.
  public var dimensions: [PipelineDimension]
  public var compare: ComparisonSettings?
  public var settings = PipelineSettings()
  /// The files read, base first, with their texts.
  public var files: [SpecificationFile]
  private var index: [String: Int]

  public init(
    name: String, file: String, description: String? = nil, seed: UInt64 = 0, instances: [StageInstance],
    targets: [String]? = nil, dimensions: [PipelineDimension] = [], compare: ComparisonSettings? = nil,
    files: [SpecificationFile] = []
  ) {
    self.name = name
    self.file = file
    self.description = description
    self.seed = seed
    self.instances = instances
    self.targets = targets ?? instances.map(\.id)
    self.dimensions = dimensions
    self.compare = compare
    self.files = files
    index = Dictionary(instances.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public subscript(id: String) -> StageInstance? { index[id].map { instances[$0] } }

  /// Position in `instances`.
  public func position(of id: String) -> Int? { index[id] }
}

/// How a file's runs are carried out. Nothing here enters a key.
public struct PipelineSettings: Hashable, Sendable {
  /// Where results are looked for before they are made; without user and password.
  public var remoteCache: String?
  public var publish = PublishMode.auto
  public var executor = ExecutorKind.local
  public var slurm = SlurmOptions()
  public var arithmetic = Arithmetic.portable
}
