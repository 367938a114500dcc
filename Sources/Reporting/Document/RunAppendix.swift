/// How a run went: what a report stage cannot know when it writes its page, and what is therefore put into the page's slots
/// afterwards.
public struct RunAppendix: Sendable {
  /// A stage instance in the run.
  public struct Stage: Sendable {
    /// Such as `train@bicubic`.
    public var instance: String
    /// The name in the file, shared by all instances, such as `train`.
    public var stage: String
    public var type: String
    public var state: GraphChart.State
    /// Wall-clock seconds of the work, also when an earlier run did it.
    public var seconds: Double?
    public var samplesRun: Int
    public var samplesReused: Int
    /// Key of the result; empty when there is none.
    public var key: String
    /// Digest of each output, by port.
    public var outputs: [(port: String, digest: String)]
    /// Instances it reads from.
    public var upstream: [String]
    /// Resolved parameters as JSON for people.
    public var parameters: String
    /// The classes of hardware that made the result, in the order of the work; empty where no hardware changes its bytes.
    public var hardware: String

    public init(
      instance: String, stage: String, type: String, state: GraphChart.State, seconds: Double? = nil,
      samplesRun: Int = 0, samplesReused: Int = 0, key: String = "", outputs: [(port: String, digest: String)] = [],
      upstream: [String] = [], parameters: String = "", hardware: String = ""
    ) {
      self.instance = instance
      self.stage = stage
      self.type = type
      self.state = state
      self.seconds = seconds
      self.samplesRun = samplesRun
      self.samplesReused = samplesReused
      self.key = key
      self.outputs = outputs
      self.upstream = upstream
      self.parameters = parameters
      self.hardware = hardware
    }
  }

  /// Terms and values about the run as a whole: its id, when, by which command.
  public var run: [(term: String, value: String)]
  /// The machine and the program.
  public var machine: [(term: String, value: String)]
  /// In topological order.
  public var stages: [Stage]
  /// The files the pipeline was read from, base first.
  public var files: [(name: String, text: String)]

  public init(
    run: [(term: String, value: String)], machine: [(term: String, value: String)], stages: [Stage],
    files: [(name: String, text: String)]
  ) {
    self.run = run
    self.machine = machine
    self.stages = stages
    self.files = files
  }

  /// Puts both parts into a page that a report stage wrote.
  /// - Returns: nil when the page has no slots for them.
  public func extend(_ page: String) -> String? {
    ReportPage.insert([runSection], into: page, slot: "run")
      .flatMap { ReportPage.insert(provenanceSections, into: $0, slot: "provenance") }
  }

  // MARK: - The run

  private func count(_ number: Int, _ word: String) -> String {
    "\(Numbers.grouped(number)) \(word)\(number == 1 ? "" : "s")"
  }

  /// The graph with one node for each stage, and every instance as a table.
  public var graph: GraphChart {
    var order: [String] = []
    var groups: [String: [Stage]] = [:]
    for stage in stages {
      if groups[stage.stage] == nil { order.append(stage.stage) }
      groups[stage.stage, default: []].append(stage)
    }
    let owner = Dictionary(stages.map { ($0.instance, $0.stage) }, uniquingKeysWith: { first, _ in first })
    let nodes = order.map { name -> GraphChart.Node in
      let group = groups[name] ?? []
      let states = group.map(\.state)
      let state = [GraphChart.State.failed, .waiting, .done, .pending].first { states.contains($0) } ?? .cached
      let seconds = group.compactMap(\.seconds)
      let type = group.first?.type ?? ""
      return .init(
        id: name, title: name, detail: group.count > 1 ? "\(type) × \(group.count)" : type, state: state,
        seconds: seconds.isEmpty ? nil : seconds.reduce(0, +))
    }
    var edges: [GraphChart.Edge] = []
    for stage in stages {
      for source in stage.upstream.compactMap({ owner[$0] }) where source != stage.stage {
        let edge = GraphChart.Edge(from: source, to: stage.stage)
        if !edges.contains(edge) { edges.append(edge) }
      }
    }
    return GraphChart(title: "Stages of the run", nodes: nodes, edges: edges)
  }

  private var stageTable: Table {
    Table(
      caption: "Every stage instance of the run.",
      columns: [
        .init("Stage"), .init("Type"), .init("State"), .init("Time"), .init("Samples run"), .init("reused"),
        .init("Key"),
      ],
      rows: stages.map { stage in
        let hasSamples = stage.samplesRun + stage.samplesReused > 0
        return [
          .text(stage.instance), .text(stage.type), .text(stage.state.label),
          .text(stage.seconds.map(Numbers.duration) ?? "–"), hasSamples ? .integer(stage.samplesRun) : .missing,
          hasSamples ? .integer(stage.samplesReused) : .missing,
          .text(stage.key.isEmpty ? "–" : String(stage.key.prefix(12))),
        ]
      })
  }

  /// The stages that ran or were reused, and their times.
  public var runSection: ReportDocument.Section {
    let ran = stages.filter { $0.state == .done }
    let reused = stages.filter { $0.state == .cached }
    let work = stages.compactMap(\.seconds).reduce(0, +)
    let sentence =
      "\(count(stages.count, "stage instance")): \(ran.count) ran, \(reused.count) "
      + "\(reused.count == 1 ? "was" : "were") found in the cache. All their work together took \(Numbers.duration(work))."
    return .init(
      id: "run", title: "Run",
      blocks: [
        .paragraph(sentence), .definitions(run),
        .figures([
          .init(
            id: "graph", chart: graph,
            caption:
              "Stages in the order in which data flows, with what each did in this run and the time its work took, "
              + "also where the result was found in the cache.",
            table: stageTable)
        ]),
      ])
  }

  // MARK: - Provenance

  /// Configuration, keys and digests, machine.
  public var provenanceSections: [ReportDocument.Section] {
    var configuration: [ReportDocument.Block] = [
      .paragraph("The files the pipeline was read from, and every parameter as it was resolved, defaults included.")
    ]
    configuration += files.enumerated().map { index, file in
      .details(summary: file.name, [.code(file.text)])
    }
    let resolved = stages.filter { !$0.parameters.isEmpty }.map { "# \($0.instance) (\($0.type))\n\($0.parameters)" }
    if !resolved.isEmpty {
      configuration.append(.details(summary: "Resolved parameters", [.code(resolved.joined(separator: "\n\n"))]))
    }
    let keys = Table(
      caption: "Keys of results and digests of outputs (SHA-256).",
      columns: [.init("Stage"), .init("What"), .init("SHA-256")],
      rows: stages.filter { !$0.key.isEmpty }.flatMap { stage -> [[Table.Cell]] in
        [[.text(stage.instance), .text("key"), .text(stage.key)]]
          + stage.outputs.map { [.text(stage.instance), .text($0.port), .text($0.digest)] }
      })
    var sections: [ReportDocument.Section] = [
      .init(id: "configuration", title: "Configuration", blocks: configuration),
      .init(
        id: "keys", title: "Keys and outputs",
        blocks: [
          .paragraph("`pipeline show` with the run and a stage lists the files behind every digest."),
          .details(summary: "All \(keys.sections[0].rows.count) digests", [.table(id: "run-keys", keys)]),
        ]),
    ]
    let made = stages.filter { !$0.hardware.isEmpty }
    if !made.isEmpty {
      sections.append(
        .init(
          id: "hardware", title: "Hardware",
          blocks: [
            .paragraph(
              "The last bits of what networks give depend on the class of hardware. Results of one class have the same bits."
            ),
            .table(
              id: "run-hardware",
              Table(
                caption: "The hardware that made each result of a network.",
                columns: [.init("Stage"), .init("Hardware")],
                rows: made.map { [.text($0.instance), .text($0.hardware)] })),
          ]))
    }
    if !machine.isEmpty {
      sections.append(.init(id: "machine", title: "Machine", blocks: [.definitions(machine)]))
    }
    return sections
  }
}
