import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline runs`: what has run here.
struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "runs", abstract: "List the runs, the newest last.")

  @Option(help: "Only runs of the pipeline with this name.")
  var pipeline: String?

  @Option(name: .shortAndLong, help: "At most so many.")
  var limit = 20

  @OptionGroup var storage: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let store = storage.openHere()
    let runs = try store.runs().filter { pipeline == nil || $0.pipeline == pipeline }.suffix(max(0, limit))
    if output.json {
      for run in runs { Console.standardOutput(Self.json(run).canonical + "\n") }
      return
    }
    if runs.isEmpty { Console.standardError("no runs in \(store.root)\n") }
    for run in runs {
      let summary = run.json["summary"]
      let state = run.state.padding(toLength: 11, withPad: " ", startingAt: 0)
      var text = "\(run.id)  \(state)  \(run.pipeline)"
      if let summary {
        text += "  ran \(summary["ran"]?.intValue ?? 0), "
        if let count = summary["made_elsewhere"]?.intValue, count > 0 { text += "made elsewhere \(count), " }
        text += "up to date \(summary["up_to_date"]?.intValue ?? 0)"
        text += ", \(durationText(summary["seconds"]?.doubleValue ?? 0))"
      }
      Console.standardOutput(text + "\n")
    }
  }

  static func json(_ run: RunInfo) -> JSON {
    [
      "schema_version": 1, "id": .string(run.id), "state": .string(run.state), "pipeline": .string(run.pipeline),
      "file": .string(run.file), "started": .string(run.started), "summary": run.json["summary"] ?? .null,
    ]
  }
}
