import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline show RUN`: what a run did, and the key and digests behind every result.
struct ShowCommand: ParsableCommand {
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
    if let number {
      let trace = try NumberTrace(number, run: found, store: store).found(below: stage)
      Console.standardOutput(output.json ? trace.json.canonical + "\n" : trace.text)
      return
    }
    if let stage {
      let shown = try ShownStage(stage, of: found, store: store)
      Console.standardOutput(try output.json ? shown.json.canonical + "\n" : shown.text)
      return
    }
    if output.json {
      Console.standardOutput(found.json.canonical + "\n")
      return
    }
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
}
