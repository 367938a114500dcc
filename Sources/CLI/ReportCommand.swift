import ArgumentParser
import Foundation
import Pipeline

/// `pipeline report [FILE]`: the report of the newest run, with what the run did.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write the report of a run, with its graph, times, configuration and digests.",
    discussion: "`pipeline run` does this too whenever a report is among its results.")

  @Argument(
    help: "The pipeline file; the one that ran last when not given.", completion: .file(extensions: ["yaml", "yml"]))
  var words: [String] = []

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "A run's id, as `pipeline runs` lists it; the newest with a report when not given.", valueName: "run"))
  var runID: String?

  @Flag(help: "Show it in the browser.")
  var open = false

  @OptionGroup var last: LastRunOptions

  func run() throws {
    let context = try last.load(words)
    let pages = RunPages(store: context.store, outputs: context.options.outputsFolder)
    let found: RunInfo?
    if let runID {
      found = try context.store.run(runID)
    } else {
      found = try pages.newestRun(of: context.pipeline.name)
    }
    guard let found else {
      throw Diagnostic(
        runID.map { "there is no run `\($0)`" } ?? "no run of `\(context.pipeline.name)` has made a report",
        help: runID == nil
          ? "declare a stage that `uses: report`, then `pipeline run \(context.fileArguments)`"
          : "`pipeline runs` lists them")
    }
    let written = try pages.write(found)
    guard !written.isEmpty else {
      throw Diagnostic(
        "run \(found.id) made no report that is still in the store", help: "`pipeline run \(context.fileArguments)`")
    }
    for path in written {
      Console.standardOutput("report: \(path)\n")
      if open { try Self.show(path) }
    }
  }

  /// Hands a page to the desktop's browser.
  /// - Throws: `Diagnostic` when there is no desktop to show it.
  static func show(_ path: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["xdg-open", path]
    process.standardError = FileHandle.nullDevice
    let help = "open \(URL(fileURLWithPath: path).absoluteString) in a browser; the page needs nothing else"
    do { try process.run() } catch {
      throw Diagnostic("cannot start xdg-open: \(error.localizedDescription)", help: help)
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Diagnostic("xdg-open found no browser to show \(path)", help: help)
    }
  }
}
