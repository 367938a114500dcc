import ArgumentParser
import Foundation
import Pipeline

/// `pipeline logs [-f] [FILE] STAGE`: what a stage wrote in its last run.
struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "logs", abstract: "Show what a stage wrote.")

  @Argument(help: "The stage; the pipeline file may stand before it.", completion: Completions.stages)
  var words: [String]

  @Flag(name: .shortAndLong, help: "Go on showing what comes, until the run ends.")
  var follow = false

  @Option(
    name: .customLong("run"),
    help: "A run's id, as `pipeline runs` lists it; the newest with such a log when not given.")
  var runID: String?

  @OptionGroup var last: LastRunOptions

  func run() throws {
    let context = try last.load(words)
    guard let name = context.words.first else { throw ValidationError("name a stage") }
    for instance in try context.pipeline.select(name) {
      let runs = try context.store.runs().filter {
        $0.pipeline == context.pipeline.name && (runID == nil || $0.id == runID)
          && FileManager.default.fileExists(atPath: $0.logPath(instance.id))
      }
      guard let newest = runs.last else {
        throw Diagnostic("`\(instance.id)` has no log", help: "a stage that was up to date did not run")
      }
      try show(newest, instance.id, context.store)
    }
  }

  private func show(_ run: RunInfo, _ instance: String, _ store: Store) throws {
    guard let file = FileHandle(forReadingAtPath: run.logPath(instance)) else { return }
    defer { try? file.close() }  // only read
    while true {
      while let data = try file.read(upToCount: 1 << 16), !data.isEmpty {
        Console.standardOutput(String(decoding: data, as: UTF8.self))
      }
      guard follow, try store.run(run.id)?.isActive == true else { return }
      usleep(200_000)
    }
  }
}
