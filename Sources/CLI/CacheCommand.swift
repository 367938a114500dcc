import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline cache …`: looks after the store.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Look after the stored results.",
    subcommands: [Statistics.self, Verify.self, Collect.self, Push.self, Pull.self, Pin.self, Unpin.self])

  struct Statistics: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stats", abstract: "Say what the store holds.")
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let store = storage.openHere()
      let found = try store.statistics()
      if output.json {
        Console.standardOutput(
          JSON.object([
            "schema_version": 1, "store": .string(store.root), "blobs": .int(found.blobs),
            "bytes": .int(found.blobBytes),
            "results": .int(found.results), "runs": .int(found.runs), "scratch_bytes": .int(found.scratchBytes),
            "quarantined": .int(found.quarantined),
          ]).canonical + "\n")
        return
      }
      Console.standardOutput(
        """
        \(store.root)
        files        \(found.blobs) (\(byteText(found.blobBytes)))
        results      \(found.results), per-sample records \(found.sampleGroups)
        runs         \(found.runs)
        scratch      \(byteText(found.scratchBytes))
        quarantined  \(found.quarantined)

        """)
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify", abstract: "Read everything; move what is damaged to quarantine.",
      discussion: "What was damaged is made again by the next run that needs it. Exit code 1 when anything was found.")
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let report = try storage.openHere().verify()
      if output.json {
        Console.standardOutput(
          JSON.object([
            "schema_version": 1, "blobs": .int(report.blobs), "bytes": .int(report.bytes),
            "damaged": .array(report.damagedBlobs.map(JSON.string)),
            "lost_results": .array(report.lostResults.map(JSON.string)), "clean": .bool(report.isClean),
          ]).canonical + "\n")
      } else {
        var text =
          "\(counted(report.blobs, "file")) (\(byteText(report.bytes))) and \(counted(report.results, "result")) checked: "
        text += report.isClean ? "all sound\n" : "\(counted(report.damagedBlobs.count, "damaged file"))\n"
        for digest in report.damagedBlobs.prefix(20) { text += "  quarantined \(digest)\n" }
        for name in report.lostResults.prefix(20) { text += "  will be made again when needed: \(name)\n" }
        Console.standardOutput(text)
      }
      if !report.isClean { throw ExitCode(ExitCodes.stageFailed) }
    }
  }

  struct Collect: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gc", abstract: "Remove what nothing needs; only counts unless --delete is given.",
      discussion: """
        Kept are the latest result of every stage of every pipeline, the results of the newest runs of each, of active \
        runs and of pins, and everything younger than an hour.
        """)
    @Flag(help: "Really remove.")
    var delete = false
    @Option(help: "Runs of each pipeline whose results are kept.")
    var keepRuns = 10
    @Option(help: "Seconds; whatever is younger stays.")
    var grace: Double = 3600
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let report = try storage.openHere().collectGarbage(keepRuns: keepRuns, grace: grace, dryRun: !delete)
      if output.json {
        Console.standardOutput(
          JSON.object([
            "schema_version": 1, "deleted": .bool(delete), "blobs": .int(report.blobs), "bytes": .int(report.bytes),
            "results": .int(report.results), "sample_results": .int(report.sampleResults),
            "runs": .array(report.runs.map(JSON.string)), "kept_blobs": .int(report.keptBlobs),
            "kept_bytes": .int(report.keptBytes),
          ]).canonical + "\n")
        return
      }
      let verb = delete ? "removed" : "would remove"
      Console.standardOutput(
        "\(verb) \(counted(report.blobs, "file")) (\(byteText(report.bytes))), \(counted(report.results, "result")), "
          + "\(counted(report.runs.count, "run")); \(counted(report.keptBlobs, "file")) (\(byteText(report.keptBytes))) stay\n"
      )
      if !delete && report.blobs + report.results > 0 { Console.standardOutput("add --delete to remove them\n") }
    }
  }

  struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "push", abstract: "Copy results to another store: a folder, or an HTTP cache.",
      discussion: """
        An HTTP cache is any server that keeps what is PUT to /ac/<key> and /cas/<digest>, the layout of Bazel's remote \
        cache: nginx with WebDAV, bazel-remote (with --disable_http_ac_validation). User and password come from ~/.netrc \
        or the address.
        """)
    @Argument(help: "The other store's folder, or http://host/path.", completion: .directory)
    var target: String
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let store = storage.openHere()
      if RemoteAddress.isAddress(target) {
        CacheCommand.report(try store.push(to: RemoteAddress(target)), output)
      } else {
        CacheCommand.report(try Store(root: target).copyResults(from: store), output)
      }
    }
  }

  struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull", abstract: "Copy results from another store; every file is checked on arrival.",
      discussion: """
        From a folder come all results. An HTTP cache cannot list what it has: from there come the results that a pipeline \
        needs, of the file that is named or else of the one that ran last.
        """)
    @Argument(help: "The other store's folder, or http://host/path.", completion: .directory)
    var source: String
    @Argument(help: "The pipeline file, for an HTTP cache.", completion: .file(extensions: ["yaml", "yml"]))
    var words: [String] = []
    @OptionGroup var last: LastRunOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      guard RemoteAddress.isAddress(source) else {
        CacheCommand.report(try last.storage.openHere().copyResults(from: Store(root: source)), output)
        return
      }
      let address = try RemoteAddress(source)
      let context = try last.load(words)
      CacheCommand.report(
        try Inspection.pull(context.pipeline, store: context.store, from: address, options: context.options), output)
    }
  }

  struct Pin: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pin", abstract: "Keep the results of a run until the pin is removed.")
    @Argument(help: "A name for the pin.") var name: String
    @Argument(help: ArgumentHelp("A run's id, or `last`.", valueName: "run")) var runID: String = "last"
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let store = storage.openHere()
      guard let found = runID == "last" ? try store.runs().last : try store.run(runID) else {
        throw Diagnostic("there is no run `\(runID)` in \(store.root)")
      }
      try store.pin(name, keys: Array(found.keys.values))
      if output.json {
        let pinned: JSON = [
          "schema_version": 1, "pin": .string(name), "run": .string(found.id), "results": .int(found.keys.count),
        ]
        Console.standardOutput(pinned.canonical + "\n")
      } else {
        Console.standardOutput("pinned \(counted(found.keys.count, "result")) of \(found.id) as \(name)\n")
      }
    }
  }

  struct Unpin: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unpin", abstract: "Remove a pin.")
    @Argument(help: "The pin's name.") var name: String
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
      let store = storage.openHere()
      guard try store.pins().contains(where: { $0.name == name }) else {
        throw Diagnostic("there is no pin `\(name)`", help: suggestion(for: name, among: try store.pins().map(\.name)))
      }
      try store.unpin(name)
      if output.json {
        Console.standardOutput((["schema_version": 1, "unpinned": .string(name)] as JSON).canonical + "\n")
      }
    }
  }

  private static func report(_ transfer: Store.Transfer, _ output: OutputOptions) {
    if output.json {
      let copied: JSON = [
        "schema_version": 1, "results": .int(transfer.results), "samples": .int(transfer.samples),
        "blobs": .int(transfer.blobs), "bytes": .int(transfer.bytes), "skipped": .int(transfer.skipped),
      ]
      Console.standardOutput(copied.canonical + "\n")
      return
    }
    Console.standardOutput(
      "copied \(counted(transfer.results, "result")), \(counted(transfer.samples, "sample")), "
        + "\(counted(transfer.blobs, "file")) (\(byteText(transfer.bytes)))"
        + (transfer.skipped > 0 ? "; left out \(transfer.skipped) whose files are missing or damaged\n" : "\n"))
  }
}
