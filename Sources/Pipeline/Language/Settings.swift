import Basics

/// `resources:` of a stage.
struct ResourceSettings: FileSection {
  var cpus: Int?
  var memory: ByteCount?
  var gpus = 0
  var time: TimeSpan?
  var executor: ExecutorKind?

  static let fields: [ParameterField<Self>] = [
    .init("cpus", \.cpus, "Processor cores.", type: .optional(.int(1...4096))),
    .init("memory", \.memory, "Memory, such as `16GB`."),
    .init("gpus", \.gpus, "Graphics processors.", type: .int(0...64)),
    .init(
      "time", \.time, "Wall-clock limit of a batch job, such as `8h`; a stage that needs longer goes on in another."),
    .init(
      "executor", \.executor, "`local` keeps a small stage out of the queue when the run's executor is Slurm."),
  ]

  var resources: StageResources {
    StageResources(cpus: cpus, memory: memory?.bytes, gpus: gpus, time: time?.seconds, executor: executor)
  }
}

/// `gate:` of a stage.
struct GateSettings: FileSection {
  var message: String?
  var approve = GateApproval.explicit
  var coverage = 1.0

  static let fields: [ParameterField<Self>] = [
    .init("message", \.message, "What a person has to do; `${inputs.<port>}` becomes the folder of that input."),
    .init("approve", \.approve, "Whether the gate opens by itself once everything is there, or asks."),
    .init("coverage", \.coverage, "The share of expected samples that must be there.", type: .double(0...1)),
  ]
}

/// `defaults:` of a file, for stages that do not say otherwise.
struct DefaultSettings: FileSection {
  var resources = ResourceSettings()
  var retries = 0
  var timeout: TimeSpan?
  var onBadSample = BadSamplePolicy.fail

  static let fields: [ParameterField<Self>] = [
    .init("resources", \.resources, "What each stage may use."),
    .init("retries", \.retries, "How often a failed attempt is repeated.", type: .int(0...100)),
    .init("timeout", \.timeout, "Time after which an attempt is ended, such as `2h`."),
    .init("on_bad_sample", \.onBadSample, "Whether a bad sample fails its stage or is left out with its reason."),
  ]
}

/// `compare:` of a file.
struct CompareSettings: FileSection {
  var baseline: String?
  var metrics: [String] = []
  var aggregate = ComparisonSettings.Aggregate.meanStd
  var table: String?

  static let fields: [ParameterField<Self>] = [
    .init("baseline", \.baseline, "The variant that differences are taken to."),
    .init("metrics", \.metrics, "Metrics to show, such as `psnr`; all when empty."),
    .init("aggregate", \.aggregate, "How the runs of one variant (seeds) become one figure."),
    .init("table", \.table, "The output that holds the tables, such as `cross.table`."),
  ]
}

/// `settings:` of a file: how its runs are carried out. Only `arithmetic` can enter keys.
struct RunSettings: FileSection {
  var remoteCache: String?
  var publish = PublishMode.auto
  var executor = ExecutorKind.local
  var slurm = SlurmSettings()
  var arithmetic = Arithmetic.portable

  static let fields: [ParameterField<Self>] = [
    .init("executor", \.executor, "Where stages run: `local` on this machine, `slurm` as jobs of a cluster."),
    .init("slurm", \.slurm, "How jobs are submitted when the executor is `slurm`."),
    .init("remote_cache", \.remoteCache, "Address of an HTTP cache where results are looked for before they are made."),
    .init(
      "arithmetic", \.arithmetic,
      "Whether results of networks are one result on all hardware (portable; each records the hardware that made it), or one "
        + "for each class of hardware, to the bit (exact; the class is a part of the key)."),
    .init(
      "publish", \.publish,
      "How outputs are published: auto (reflinks, else read-only hard links into the store unless root runs it, else copies), "
        + "copy (reflinks, else copies), link (hard links, else copies), or none."),
  ]
}

/// One key of the file language; what unknown keys are checked against, and what the JSON Schema is made from.
struct LanguageField: Sendable {
  enum Shape: Sendable {
    case value(ParameterType)
    case stages, variants, profiles, matrix, vars, inputs, gate, parameters, stageType, freeMap, stringOrList
  }

  var name: String
  var doc: String
  var shape: Shape

  init(_ name: String, _ shape: Shape, _ doc: String) {
    self.name = name
    self.shape = shape
    self.doc = doc
  }
}

enum FileLanguage {
  static let top: [LanguageField] = [
    .init("version", .value(.int(1...1)), "Version of the file language: 1."),
    .init("name", .value(.string), "Name of the pipeline; the file's own name when absent."),
    .init("description", .value(.string), "One or two sentences for people."),
    .init("extends", .value(.string), "A base file, relative to this one; maps merge, everything else replaces."),
    .init("vars", .vars, "Values for `${name}` anywhere in the stages."),
    .init("seed", .value(.int(0...Int.max)), "Seed of every stage that uses one."),
    .init("defaults", .value(DefaultSettings.parameterType), "Settings for stages that do not say otherwise."),
    .init("stages", .stages, "The stages by name."),
    .init("variants", .variants, "Named changes; each variant is a copy of the stages that it changes."),
    .init(
      "matrix", .matrix,
      "Axes that the whole file is repeated over: `seed`, a variable, or a path such as `train.with.lr`."),
    .init("targets", .stringOrList, "The stages to bring up to date; all when absent."),
    .init("compare", .value(CompareSettings.parameterType), "How `pipeline compare` reads the results."),
    .init(
      "settings", .value(RunSettings.parameterType), "How runs are carried out; only `arithmetic` can be part of a key."
    ),
    .init("profiles", .profiles, "Named changes that `--profile` applies."),
  ]

  static let stage: [LanguageField] = [
    .init("uses", .stageType, "The stage type."),
    .init("description", .value(.string), "One or two sentences for people."),
    .init("with", .parameters, "Parameters of the stage type."),
    .init(
      "inputs", .inputs, "For each input port the output it reads: `stage.port`, `stage@value.port`, `stage@*.port`."),
    .init("matrix", .matrix, "Axes; one instance of the stage for each combination."),
    .init("seed", .value(.int(0...Int.max)), "Seed of this stage instead of the file's."),
    .init("gate", .gate, "Where the pipeline waits for a person; `false` for never."),
    .init("resources", .value(ResourceSettings.parameterType), "What the stage may use; never part of a key."),
    .init("retries", .value(.int(0...100)), "How often a failed attempt is repeated."),
    .init("timeout", .value(.duration), "Time after which an attempt is ended."),
    .init(
      "on_bad_sample", .value(BadSamplePolicy.parameterType), "Whether a bad sample fails the stage or is left out."),
  ]

  /// Keys that a profile or variant may change besides stages.
  static let profileKeys = [
    "vars", "seed", "defaults", "stages", "variants", "matrix", "targets", "compare", "settings",
  ]
  static let variantKeys = ["vars", "seed", "defaults", "stages"]
}
