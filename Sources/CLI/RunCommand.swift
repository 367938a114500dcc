import ArgumentParser
import Basics
import Foundation
import Pipeline
import Stages

/// `pipeline run FILE [TARGET…]`: brings everything up to date.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Bring a pipeline up to date, running only what changed.",
    discussion: """
      Interrupt it at any time and run the same command again: it goes on where it was. The first Ctrl-C lets stages \
      save their work, the second stops at once. Jobs in Slurm go on meanwhile; the next run waits for them.
      """)

  @OptionGroup var specification: SpecificationOptions

  @Argument(help: "Only these stages and what they need.", completion: Completions.stages)
  var targets: [String] = []

  @Flag(name: [.customShort("n"), .long], help: "Print what would run and why; change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Go on with what does not depend on a failed stage.")
  var keepGoing = false

  @Option(name: .shortAndLong, help: "Stages at once, at most.")
  var jobs: Int?

  @Option(help: "Processor cores to use; all of the machine when not given.")
  var cpus: Int?

  @Option(
    parsing: .singleValue, help: ArgumentHelp("Run this stage although its result is there.", valueName: "stage"),
    completion: Completions.stages)
  var force: [String] = []

  @Option(
    help: """
      How outputs are published: auto (reflinks, else read-only hard links into the store unless root runs it, else \
      copies), copy, link, none; else as the file says, or auto.
      """)
  var publish: PublishMode?

  @Option(
    help: ArgumentHelp(
      """
      Look for results there before making them: http://host/path, or none. PIPELINE_REMOTE_CACHE and \
      settings.remote_cache of the file say the same.
      """, valueName: "address"))
  var remoteCache: String?

  @Option(help: "Where stages run: local or slurm; else as the file says, or local.")
  var executor: ExecutorKind?

  @Option(help: "Text mixed into every key, to keep the results of an experiment apart.")
  var salt: String?

  @OptionGroup var storage: StoreOptions
  @OptionGroup var published: OutputsOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("-j needs at least 1") }
    if let cpus, cpus < 1 { throw ValidationError("--cpus needs at least 1") }
  }

  func run() async throws {
    let store = storage.open(for: specification.file)
    let outputs = published.folder(store)
    let request = RunRequest(
      file: specification.file, overrides: specification.changes.overrides, profile: specification.changes.profile,
      targets: targets, salt: salt, publish: publish, outputsFolder: outputs, store: store)
    let view = RunView(style: output.json ? .json : Console.isTerminal() ? .terminal : .plain, colour: Console.colour)
    if !dryRun, force.isEmpty, let answer = request.answer(observe: { view.show($0) }) {
      try store.prepare()
      try store.remember(invocation(answer.pipeline))
      try finish(answer.summary, .copy, of: answer.pipeline, store: store, outputs: outputs, view: view)
    }
    let pipeline = try request.reading { () throws(SpecificationErrors) -> ResolvedPipeline in
      try specification.load()
    }
    let ids = try pipeline.selectTargets(targets)
    let forced = Set(try force.flatMap { try pipeline.select($0).map(\.id) })
    if dryRun {
      let plan = try Inspection.plan(
        pipeline, store: store,
        options: PlanOptions(targets: ids, force: forced, salt: salt, outputsFolder: outputs))
      PlanPrinter(json: output.json).print(plan)
      return
    }
    let publish = publish ?? pipeline.settings.publish
    let remote = try remoteAddress(pipeline)
    let invocation = self.invocation(pipeline.name)
    let executor = executor ?? pipeline.settings.executor
    if executor == .slurm { try SlurmCheck.requirePrograms() }
    try store.prepare()
    try store.remember(invocation)
    let runner = try Runner(
      pipeline: pipeline, store: store,
      options: RunOptions(
        targets: ids, keepGoing: keepGoing, maxJobs: jobs ?? .max, cpus: cpus, force: forced, salt: salt,
        workerCommand: [Self.executable, "worker"], outputsFolder: outputs, publish: publish, remote: remote,
        executor: executor, slurm: pipeline.settings.slurm,
        fileArguments: invocation.arguments(file: specification.file), request: request),
      observe: { view.show($0) })
    let signals = RunSignals { runner.signal($0) }
    let summary = try await runner.run()
    signals.cancel()
    try finish(summary, publish, of: pipeline.name, store: store, outputs: outputs, view: view)
  }

  private func invocation(_ pipeline: String) -> Invocation {
    Invocation(
      pipeline: pipeline, file: specification.file, overrides: specification.changes.overrides,
      profile: specification.changes.profile)
  }

  /// Prints what is to be read last.
  /// - Throws: always: the exit code.
  private func finish(
    _ summary: RunSummary, _ publish: PublishMode, of pipeline: String, store: Store, outputs: String, view: RunView
  ) throws -> Never {
    view.close()
    if !output.json {
      for (_, text) in summary.texts { Console.standardOutput(text.hasSuffix("\n") ? text : text + "\n") }
      for report in pages(summary, publish, pipeline: pipeline, store: store, outputs: outputs) {
        Console.standardOutput("report: \(report)\n")
      }
    }
    throw ExitCode(summary.exitCode)
  }

  /// The command line first, then the environment, then the file.
  private func remoteAddress(_ pipeline: ResolvedPipeline) throws -> RemoteAddress? {
    let environment = ProcessInfo.processInfo.environment["PIPELINE_REMOTE_CACHE"]
    guard let word = remoteCache ?? environment ?? pipeline.settings.remoteCache, word != "none", !word.isEmpty else {
      return nil
    }
    return try RemoteAddress(word)
  }

  /// Reports with what this run did put into them; when nothing ran, those of the run that made them.
  private func pages(
    _ summary: RunSummary, _ publish: PublishMode, pipeline: String, store: Store, outputs: String
  ) -> [String] {
    guard publish != .none, !summary.reports.isEmpty else { return summary.reports }
    let pages = RunPages(store: store, outputs: outputs)
    do {
      guard let run = try summary.run.flatMap({ try store.run($0) }) ?? pages.newestRun(of: pipeline) else {
        return summary.reports
      }
      let written = try pages.write(run)
      return written.isEmpty ? summary.reports : written
    } catch {
      // The results are made and published; only this view of them is not.
      Console.standardError("the page with the run's graph and times could not be written: \(error)\n")
      return summary.reports
    }
  }

  /// This binary, for the workers.
  static var executable: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }
}

extension PublishMode: ExpressibleByArgument {}
extension ExecutorKind: ExpressibleByArgument {}
