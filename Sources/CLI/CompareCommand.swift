import ArgumentParser
import Basics
import Foundation
import Pipeline
import Reporting
import Stages

/// `pipeline compare BASE ABLATION…`: metric tables of several pipelines, runs or variants side by side.
struct CompareCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, markdown, csv, latex }

  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compare metric tables of pipelines, runs or variants.",
    discussion: """
      Each argument is a pipeline file or a run's id. A file with variants is compared with itself, variant by variant; \
      seeds become a mean and a standard deviation. Differences are taken to the baseline of `compare:`, else to the \
      first.
      """)

  @Argument(help: "Pipeline files or run ids.", completion: .file(extensions: ["yaml", "yml"]))
  var items: [String]

  @Option(parsing: .singleValue, help: "Only this metric; may be repeated.")
  var metric: [String] = []

  @Option(help: "What differences are taken to.")
  var baseline: String?

  @Option(help: "How to print it.")
  var format: Format = .text

  @OptionGroup var changes: ChangeOptions
  @OptionGroup var storage: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    var entries: [Comparison.Entry] = []
    var missing: [String] = []
    var settings: ComparisonSettings?
    for item in items {
      if item.hasSuffix(".yaml") || item.hasSuffix(".yml") {
        let pipeline = try changes.load(item)
        settings = settings ?? pipeline.compare
        let store = storage.open(for: item)
        try collect(pipeline.name, pipeline.instances, store, pipeline.compare?.table, &entries, &missing) {
          try Inspection.latestResult($0, pipeline: pipeline.name, store: store)
        }
      } else {
        let store = storage.openHere()
        guard let found = item == "last" ? try store.runs().last : try store.run(item) else {
          throw Diagnostic("`\(item)` is neither a pipeline file nor a run", help: "`pipeline runs` lists the runs")
        }
        let instances = try (found.json["stages"]?.arrayValue ?? []).map {
          try StageInstance(json: $0, catalogue: .standard)
        }
        let keys = found.keys
        try collect(item, instances, store, nil, &entries, &missing) { try keys[$0].flatMap { try store.result($0) } }
      }
    }
    for id in missing { Console.standardError("not there yet: \(id)\n") }
    guard !entries.isEmpty else {
      throw Diagnostic(
        "there is no table to compare", help: "run the pipelines first; tables are files named cross.csv")
    }
    let comparison = Comparison(
      entries: entries, metrics: metric.isEmpty ? settings?.metrics ?? [] : metric,
      baseline: baseline ?? settings?.baseline, aggregate: settings?.aggregate ?? .meanStd)
    try comparison.checkProtocols()
    if output.json {
      Console.standardOutput(comparison.json.canonical + "\n")
      return
    }
    let table = comparison.table
    switch format {
    case .text: Console.standardOutput(table.plainText + "\n")
    case .markdown: Console.standardOutput(table.markdown + "\n")
    case .csv: Console.standardOutput(table.csv)
    case .latex: Console.standardOutput(table.latex(label: "tab:comparison") + "\n")
    }
    if format == .text, !comparison.differences.isEmpty {
      Console.standardOutput("\nConfiguration, against \(comparison.baseline):\n")
      for line in comparison.differences { Console.standardOutput("  \(line)\n") }
    }
  }

  /// Every result of the instances that holds a `cross.csv`.
  /// - Parameter table: the stage and port that `compare:` names; nil takes every port of tables.
  private func collect(
    _ name: String, _ instances: [StageInstance], _ store: Store, _ table: String?,
    _ entries: inout [Comparison.Entry], _ missing: inout [String], result: (String) throws -> StageResult?
  ) throws {
    let read = Set(instances.flatMap { $0.inputs.values.flatMap { $0.map(\.instance) } })
    let chosen = table.flatMap(InstanceSelector.reference)
    func isCompared(_ stage: String, _ port: OutputPort) -> Bool {
      port.kind == .table && port.layout == .files
        && (chosen.map { stage == $0.selector.stage && port.name == $0.port } ?? true)
    }
    for instance in instances {
      let ports = instance.outputs.filter { isCompared(instance.stage, $0) }.map(\.name)
      guard !ports.isEmpty else { continue }
      guard let found = try result(instance.id) else {
        if chosen != nil || !read.contains(instance.id) { missing.append("\(name): \(instance.id)") }
        continue
      }
      for port in ports {
        guard let reference = found.outputs[port] else { continue }
        let files = try store.artifact(reference).files
        guard let file = files["cross.csv"] else { continue }
        let declared = try files["cross.json"].map {
          try EvaluationResult(decoding: try store.data($0.digest), name: "cross.json of `\(instance.id)`")
        }
        let text = String(decoding: try store.data(file.digest), as: UTF8.self)
        let labels = instance.labels.filter { $0.name != "seed" }.map(\.text)
        let label =
          items.count > 1 || labels.isEmpty ? ([name] + labels).joined(separator: " ") : labels.joined(separator: " ")
        entries.append(
          Comparison.Entry(
            label: label, seed: instance.labels.first { $0.name == "seed" }?.text ?? "",
            rows: try Comparison.rows(text, of: instance.id), result: declared,
            stages: Comparison.configuration(instance, instances)))
      }
    }
  }
}
