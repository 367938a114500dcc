import ArgumentParser
import Foundation
import Pipeline
import Stages

/// The pipeline file and what changes it.
struct SpecificationOptions: ParsableArguments {
  @Argument(help: "The pipeline file.", completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  @OptionGroup var changes: ChangeOptions

  /// - Throws: `SpecificationErrors`.
  func load() throws(SpecificationErrors) -> ResolvedPipeline { try changes.load(file) }
}

/// `--set` and `--profile`.
struct ChangeOptions: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Change a value of the file, such as vars.epochs=3 or train.with.model.type=edsr; may be repeated.",
      valueName: "path=value"))
  var overrides: [String] = []

  @Option(help: "Apply a profile of the file.")
  var profile: String?

  /// - Throws: `SpecificationErrors`.
  func load(_ file: String) throws(SpecificationErrors) -> ResolvedPipeline {
    try Specification.load(file: file, overrides: overrides, profile: profile, catalogue: .standard)
  }
}

/// How results and messages look.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print results as JSON.")
  var json = false

  @Option(help: "Colour in messages.")
  var color: ColourChoice = .auto
}

/// Where results are kept.
struct StoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder of stored results; when not given: PIPELINE_STORE, else the nearest `.pipeline` at or above the file (or "
        + "the current folder), else `.pipeline` beside the nearest `.git`, else beside the file.",
      valueName: "dir"),
    completion: .directory)
  var store: String?
}
