import Basics
import Foundation
import Pipeline

/// Runs any program as a stage, with everything it uses declared.
struct Command: WholeStage {
  static let type: StageType = "command"
  static let version = 1
  static let summary = "Runs any external program with declared inputs, files, environment and outputs."
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("out", .files, .files, doc: "What the program wrote into {output:out}.")]
  static let acceptsAnyInput = true
  static let usesSeed = true

  struct Parameters: StageParameters {
    var argv: [String] = []
    var files: [String: UserPath] = [:]
    var environment: [String: String] = [:]
    var outputs: [String: CommandOutput] = ["out": CommandOutput()]
    var toolVersion = ""

    static let fields: [ParameterField<Self>] = [
      .init(
        "argv", \.argv,
        "Program and arguments, no shell. {input:<port>}, {output:<port>}, {file:<name>} become folders and paths; {threads} "
          + "and {seed} numbers.", required: true, check: { $0.isEmpty ? "is empty; name a program" : nil }),
      .init("files", \.files, "Scripts and other files or folders of yours that the program reads, by name."),
      .init(
        "environment", \.environment,
        "All environment variables the program gets; same placeholders as argv. A program without `/` is looked for in its "
          + "PATH, else in the system's usual folders."),
      .init("outputs", \.outputs, "What the program writes, by port."),
      .init(
        "tool_version", \.toolVersion,
        "The version of the program, which the software cannot see: change it and the stage runs again."),
    ]

    func validate() -> [String] {
      var problems: [String] = []
      if outputs.isEmpty { problems.append("`outputs` is empty; a stage without outputs is of no use to others") }
      let known = Set(outputs.keys.map { "output:\($0)" }).union(files.keys.map { "file:\($0)" })
      for text in argv + environment.values.sorted() {
        for name in Placeholders.names(in: text)
        where !known.contains(name) && !name.hasPrefix("input:") && name != "threads" && name != "seed" {
          let all = known.sorted() + ["threads", "seed", "input:<port>"]
          problems.append("unknown placeholder {\(name)}; known: \(all.map { "{\($0)}" }.joined(separator: ", "))")
        }
      }
      return problems
    }
  }

  static func outputs(for parameters: Parameters) -> [OutputPort] {
    parameters.outputs.sorted { $0.key < $1.key }.map { name, output in
      OutputPort(
        name, ArtifactKind(rawValue: output.kind), output.layout == .samples ? .samples : .files,
        doc: "What the program wrote into {output:\(name)}.")
    }
  }

  func sources(_ parameters: Parameters) -> [ExternalSource] {
    parameters.files.sorted { $0.key < $1.key }.map { ExternalSource($0.key, path: $0.value.path) }
  }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let work = context.scratch.appending(path: "command")
    let manager = FileManager.default
    if manager.fileExists(atPath: work.path) { try manager.removeItem(at: work) }
    let folders = CommandFolders(root: work)
    for (port, artifacts) in context.inputs { try folders.materialise(artifacts, port: port) }
    for (name, files) in context.sources { try folders.materialise(files, source: name) }
    for port in parameters.outputs.keys {
      try manager.createDirectory(at: folders.output(port), withIntermediateDirectories: true)
    }
    let placeholders = Placeholders(
      inputs: Set(context.inputs.keys), files: context.sources.mapValues { $0.map(\.path) }, folders: folders,
      threads: context.threads, seed: context.seed)
    let arguments = try parameters.argv.map { try placeholders.fill($0) }
    let environment = try parameters.environment.mapValues { try placeholders.fill($0) }
    let outcome = try ChildProcess.run(
      arguments, environment: environment, folder: work, output: work.appending(path: "log.txt"),
      services: context.services)
    switch outcome {
    case .exited(0, _): break
    case .exited(let code, let tail):
      throw StageFailure("`\(arguments[0])` ended with exit status \(code)" + Self.quoted(tail))
    case .signalled(let signal, let tail):
      throw StageFailure("`\(arguments[0])` was ended by signal \(signal)" + Self.quoted(tail))
    case .stopped: throw CancellationError()
    }
    for (port, output) in parameters.outputs.sorted(by: { $0.key < $1.key }) {
      try collect(port, output, folders, context)
    }
    try manager.removeItem(at: work)
  }

  private static func quoted(_ tail: [String]) -> String {
    tail.isEmpty ? ", and wrote nothing" : "; its last lines:\n" + tail.map { "  | \($0)" }.joined(separator: "\n")
  }

  private func collect(
    _ port: String, _ output: CommandOutput, _ folders: CommandFolders, _ context: StageContext
  ) throws {
    let folder = folders.output(port)
    let paths = try folders.writtenFiles(port)
    guard !paths.isEmpty || output.allowEmpty else {
      throw StageFailure(
        "the program wrote nothing into {output:\(port)}", help: "`allow_empty: true` on that output accepts this")
    }
    var samples: [String: Sample] = [:]
    for path in paths {
      let url = URL(fileURLWithPath: try CommandFolders.realPath(folder.appending(path: path).path))
      guard output.layout == .samples else {
        try context.add(contentsOf: url, to: path, port: port)
        continue
      }
      guard let slash = path.lastIndex(of: "/") else {
        throw StageFailure(
          "{output:\(port)} has the layout of samples, but `\(path)` lies at its top",
          help: "write <sample>/<role>, such as `face 1/normal.png`, or use `layout: files`")
      }
      let name = String(path[..<slash])
      let role = String(path[path.index(after: slash)...])
      if role == "record.json" {
        samples[name, default: Sample(name: name)].record =
          try JSON(parsing: Data(contentsOf: url)).objectValue ?? [:]
      } else {
        samples[name, default: Sample(name: name)].files[role] = try context.services.store(contentsOf: url)
      }
    }
    for sample in samples.values { context.add(sample, port: port) }
  }
}

/// One output of an external program.
struct CommandOutput: StageParameters {
  enum Layout: String, ParameterChoice { case files, samples }

  var layout = Layout.files
  var kind = "files"
  var allowEmpty = false

  static let fields: [ParameterField<Self>] = [
    .init("layout", \.layout, "files: any files; samples: <sample>/<role>, with an optional <sample>/record.json."),
    .init("kind", \.kind, "What it holds, such as maps, normals or photos, so that other stages take it."),
    .init("allow_empty", \.allowEmpty, "Whether writing nothing is all right."),
  ]
}
