import ArgumentParser
import Foundation
import Pipeline

/// `pipeline graph FILE`: the graph as text, for Graphviz, for Markdown, or as a picture.
struct GraphCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, dot, mermaid, svg }

  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Draw the graph of a pipeline file.")

  @OptionGroup var specification: SpecificationOptions

  @Argument(help: "Only these stages and what they need.", completion: Completions.stages)
  var targets: [String] = []

  @Option(help: "How to draw it.")
  var format: Format = .text

  @Flag(help: "One node for each stage instead of one for each instance.")
  var stages = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    let pipeline = try specification.load()
    var drawing = GraphDrawing(pipeline, targets: targets.isEmpty ? nil : try pipeline.selectTargets(targets))
    if stages { drawing = drawing.byStage }
    if output.json {
      Console.standardOutput(drawing.json.canonical + "\n")
      return
    }
    switch format {
    case .text: Console.standardOutput(drawing.text)
    case .dot: Console.standardOutput(drawing.dot)
    case .mermaid: Console.standardOutput(drawing.mermaid)
    case .svg: Console.standardOutput(drawing.svg)
    }
  }
}
