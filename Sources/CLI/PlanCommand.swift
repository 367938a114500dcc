import ArgumentParser
import Basics
import Pipeline

/// `pipeline plan FILE [TARGET…]`: the same as `run --dry-run`.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Print what a run would do and why; change nothing.")

  @OptionGroup var specification: SpecificationOptions

  @Argument(help: "Only these stages and what they need.", completion: Completions.stages)
  var targets: [String] = []

  @OptionGroup var storage: StoreOptions
  @OptionGroup var published: OutputsOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let pipeline = try specification.load()
    let store = storage.open(for: specification.file)
    let plan = try Inspection.plan(
      pipeline, store: store,
      options: PlanOptions(targets: try pipeline.selectTargets(targets), outputsFolder: published.folder(store)))
    PlanPrinter(json: output.json).print(plan)
  }
}
