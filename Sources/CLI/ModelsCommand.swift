import ArgumentParser
import Basics
import Foundation
import NN
import Pipeline

/// `pipeline models [TYPE]`: the networks that a file can name, with what they cost.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List the networks with their cost, or describe one with its options.",
    discussion: """
      Multiply-adds (convolutions and linear maps of one forward pass) and memory are counted on a small input and scaled to \
      --size. The receptive field is the side of the square of input pixels that one output pixel depends on.
      """)

  @Argument(help: "A model type, such as depth-upres-unet.") var type: String?
  @Option(help: "Side of the input in pixels.") var size = 256
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...65536).contains(size) else { throw ValidationError("--size must be 1...65536, not \(size)") }
  }

  func run() throws {
    guard let type else { return try list() }
    guard let kind = ModelCatalogue.kind(type) else {
      throw Diagnostic(
        "there is no model `\(type)`", help: suggestion(for: type, among: ModelCatalogue.kinds.map(\.type)))
    }
    let profile = try ModelProfile(["type": .string(type)], height: size, width: size)
    if output.json { return Console.standardOutput(json(kind, profile).canonical + "\n") }
    var text =
      "\(kind.type): \(kind.summary)\nSource: \(kind.source) (licence: \(kind.licence))\n\(cost(profile))\n\nOptions:\n"
    let width = kind.options.map { $0.name.count }.max() ?? 0
    for option in kind.options {
      let name = option.name.padding(toLength: width, withPad: " ", startingAt: 0)
      text += "  \(name)  \(option.doc) Default: \(option.defaultValue.canonical)\n"
    }
    text += "\nPublished sizes:\n"
    for size in kind.sizes {
      let options = size.options.isEmpty ? "the default" : JSON.object(size.options).canonical
      text += "  \(size.name.isEmpty ? "" : "\(size.name): ")\(options), \(size.parameters) parameters\n"
    }
    Console.standardOutput(text)
  }

  private func list() throws {
    let rows = try ModelCatalogue.kinds.map { kind in
      (kind, try ModelProfile(["type": .string(kind.type)], height: size, width: size))
    }
    if output.json {
      return Console.standardOutput(JSON.array(rows.map { json($0.0, $0.1) }).canonical + "\n")
    }
    var table = [["TYPE", "PARAMETERS", "SCALE", "FIELD", "GMACS", "MEMORY", ""]]
    for (kind, profile) in rows {
      table.append([
        kind.type, String(profile.parameters), "x\(profile.scale)",
        profile.receptiveField.map { "\($0) px" } ?? "whole", String(format: "%.1f", profile.multiplyAdds / 1e9),
        String(format: "%.0f MB", profile.memory / 1e6), kind.summary,
      ])
    }
    let widths = (0..<6).map { column in table.map { $0[column].count }.max() ?? 0 }
    var text = "Default options, input \(size)x\(size):\n\n"
    for row in table {
      let cells = row.prefix(6).enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      text += (cells.joined(separator: "  ") + "  " + row[6]).trimmingCharacters(in: .whitespaces) + "\n"
    }
    Console.standardOutput(text)
  }

  private func cost(_ profile: ModelProfile) -> String {
    let field = profile.receptiveField.map { "\($0) x \($0) input pixels" } ?? "the whole image"
    return "\(profile.parameters) parameters, scale x\(profile.scale)\(profile.needsGuide ? ", needs a guide" : ""); "
      + "receptive field \(field); for an input of \(size)x\(size): "
      + String(format: "%.2f G multiply-adds, %.0f MB", profile.multiplyAdds / 1e9, profile.memory / 1e6)
  }

  private func json(_ kind: ModelKind, _ profile: ModelProfile) -> JSON {
    [
      "type": .string(kind.type), "title": .string(kind.title), "summary": .string(kind.summary),
      "source": .string(kind.source), "licence": .string(kind.licence),
      "parameters": .int(profile.parameters), "scale": .int(profile.scale), "needs_guide": .bool(profile.needsGuide),
      "receptive_field": profile.receptiveField.map { .int($0) } ?? .null, "size": .int(size),
      "multiply_adds": .double(profile.multiplyAdds), "memory_bytes": .double(profile.memory),
      "options": .array(
        kind.options.map { ["name": .string($0.name), "default": $0.defaultValue, "doc": .string($0.doc)] }),
    ]
  }
}
