import ArgumentParser
import Basics
import Foundation
import Pipeline
import Stages

/// `pipeline stages [TYPE]`: the stage types that a file can use.
struct StagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stages", abstract: "List the stage types, or describe one: parameters, inputs, outputs.")

  @Argument(help: "A stage type, such as depth.degrade.", completion: Completions.stageTypes)
  var type: String?

  @Option(
    help: ArgumentHelp("Write the reference pages into this folder.", valueName: "dir"), completion: .directory)
  var markdown: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let catalogue = StageCatalogue.standard
    if let markdown {
      let folder = URL(fileURLWithPath: markdown, isDirectory: true)
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for page in ReferencePages.pages(of: catalogue) {
          try Data(page.text.utf8).write(to: folder.appendingPathComponent(page.name), options: .atomic)
        }
      } catch {
        throw Diagnostic("cannot write the reference into \(markdown): \(error.localizedDescription)")
      }
      return
    }
    guard let type else {
      if output.json {
        Console.standardOutput(JSON.array(catalogue.stages.map(StageDescription.json)).canonical + "\n")
      } else {
        Console.standardOutput(StageDescription.list(catalogue))
      }
      return
    }
    guard let stage = catalogue[StageType(rawValue: type)] else {
      throw Diagnostic(
        "there is no stage type `\(type)`",
        help: suggestion(for: type, among: catalogue.stages.map { $0.type.rawValue }))
    }
    Console.standardOutput(
      output.json ? StageDescription.json(stage).canonical + "\n" : StageDescription.text(stage))
  }
}
