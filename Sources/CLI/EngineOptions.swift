import ArgumentParser
import Basics
import Foundation
import Pipeline
import Stages

extension StoreOptions {
  /// The store of a pipeline file.
  func open(for file: String) -> Store {
    Store(
      root: Store.location(
        explicit: store, environment: ProcessInfo.processInfo.environment["PIPELINE_STORE"], pipelineFile: file))
  }

  /// The store seen from the current folder, for commands that need no pipeline file.
  func openHere() -> Store { open(for: FileManager.default.currentDirectoryPath + "/pipeline.yaml") }
}

/// Where outputs are published.
struct OutputsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Folder for published outputs; `outputs` beside the store when not given.", valueName: "dir"),
    completion: .directory)
  var outputs: String?

  func folder(_ store: Store) -> String {
    if let outputs { return URL(fileURLWithPath: outputs).path }
    return (store.root as NSString).deletingLastPathComponent + "/outputs"
  }
}

/// A pipeline file, when it is named, and stages: `pipeline approve full.yaml facelift`, or just `pipeline approve
/// facelift` for the pipeline that ran last.
struct LastRunOptions: ParsableArguments {
  @OptionGroup var changes: ChangeOptions
  @OptionGroup var storage: StoreOptions
  @OptionGroup var published: OutputsOptions

  struct Context {
    var pipeline: ResolvedPipeline
    var store: Store
    var options: PlanOptions
    /// The words that are not the file.
    var words: [String]
    /// The file and what changes it, for messages.
    var fileArguments: String
  }

  /// - Throws: `SpecificationErrors`; `Diagnostic` when no file is named and nothing has run yet.
  func load(_ words: [String]) throws -> Context {
    let isFile = words.first.map { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") } ?? false
    if isFile, let file = words.first {
      let store = storage.open(for: file)
      let pipeline = try changes.load(file)
      let invocation = Invocation(
        pipeline: pipeline.name, file: file, overrides: changes.overrides, profile: changes.profile)
      return Context(
        pipeline: pipeline, store: store, options: PlanOptions(outputsFolder: published.folder(store)),
        words: Array(words.dropFirst()), fileArguments: invocation.arguments(file: file))
    }
    let store = storage.openHere()
    guard let last = try store.lastInvocation() else {
      throw Diagnostic("no pipeline has run here yet", help: "name the pipeline file first: `pipeline … FILE …`")
    }
    let pipeline = try Specification.load(
      file: last.file, overrides: last.overrides + changes.overrides, profile: changes.profile ?? last.profile,
      catalogue: .standard)
    return Context(
      pipeline: pipeline, store: store, options: PlanOptions(outputsFolder: published.folder(store)), words: words,
      fileArguments: last.arguments(file: last.file))
  }
}
