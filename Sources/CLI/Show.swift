import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline show RUN`: what a run did, and the key and digests behind every result.
struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a run: its stages, keys, digests and frozen configuration.",
    discussion: """
      With a stage: its key, its files with their digests and where they lie, and the same of everything it was made from. \
      With --number, as printed in a report: the rows of tables that round to it, with the files that hold them.
      """)

  @Argument(help: ArgumentHelp("A run's id, or `last`.", valueName: "run"))
  var runID: String

  @Argument(help: "Only this stage, with its files.")
  var stage: String?

  @Option(help: "Look for this number, such as 46.20, in the tables of the stage (of all stages when none is named).")
  var number: String?

  @OptionGroup var storage: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let store = storage.openHere()
    let found = runID == "last" ? try store.runs().last : try store.run(runID)
    guard let found else {
      throw Diagnostic(
        "there is no run `\(runID)` in \(store.root)",
        help: suggestion(for: runID, among: try store.runs().suffix(10).map(\.id)))
    }
    if output.json {
      Console.standardOutput(found.json.canonical + "\n")
      return
    }
    if let number {
      return try NumberTrace(number, run: found, store: store).print(below: stage)
    }
    if let stage { return try show(stage, found, store) }
    var text =
      "run \(found.id): \(found.state)\npipeline \(found.pipeline) from \(found.file)\nstarted \(found.started)\n"
    if let ended = found.json["ended"]?.stringValue { text += "ended \(ended)\n" }
    let results = found.json["results"]?.objectValue ?? [:]
    for item in found.json["stages"]?.arrayValue ?? [] {
      guard let id = item["id"]?.stringValue, let result = results[id] else { continue }
      let state = result["ran"]?.boolValue == true ? "ran" : result["state"]?.stringValue ?? ""
      let key = result["key"]?.stringValue?.prefix(12) ?? ""
      text += "  \(id): \(state) \(key)"
      if let message = result["message"]?.stringValue { text += " \(message.split(separator: "\n").first ?? "")" }
      text += "\n"
    }
    Console.standardOutput(text)
  }

  private func show(_ stage: String, _ run: RunInfo, _ store: Store) throws {
    guard let key = run.keys[stage] else {
      throw Diagnostic(
        "run \(run.id) has no result of `\(stage)`", help: suggestion(for: stage, among: Array(run.keys.keys)))
    }
    var text = "\(stage)\n  key \(key.hex)\n"
    guard let result = try store.result(key) else {
      Console.standardOutput(text + "  its result is no longer in the store\n")
      return
    }
    text += "  made \(result.made.time) in \(durationText(result.made.seconds)) by run \(result.made.run)\n"
    if !result.made.hardware.isEmpty { text += "  on \(result.made.hardware.text)\n" }
    for (port, reference) in result.outputs.sorted(by: { $0.key < $1.key }) {
      text +=
        "  \(port): \(reference.kind), \(reference.count) \(reference.layout.rawValue), \(byteText(reference.bytes)), "
      text += "digest \(reference.digest.hex)\n"
      let artifact = try store.artifact(reference)
      for (path, file) in artifact.files.sorted(by: { naturallyPrecedes($0.key, $1.key) }).prefix(50) {
        text += "    \(file.digest.short)  \(path)  \(file.url.path)\n"
      }
      if artifact.files.count > 50 { text += "    and \(artifact.files.count - 50) more\n" }
    }
    let chain = RunChain(run)
    let sources = chain.sources(of: stage)
    if !sources.isEmpty { text += "made from\n" }
    for source in sources {
      guard let key = run.keys[source], let result = try store.result(key) else {
        text += "  \(source): no longer in the store\n"
        continue
      }
      text += "  \(source)  key \(key.hex)\n"
      for (port, reference) in result.outputs.sorted(by: { $0.key < $1.key }) {
        text +=
          "    \(port): \(reference.kind), \(reference.count) \(reference.layout.rawValue), digest \(reference.digest.hex)\n"
      }
    }
    text += result.preimage.pretty + "\n"
    Console.standardOutput(text)
  }
}
