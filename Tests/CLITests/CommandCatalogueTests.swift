import Basics
import Foundation
import Testing

/// A subcommand is a file and a row; help, completions and reference follow from the row.
@Suite struct CommandCatalogueTests {
  private static let root = cliTestFolder.deletingLastPathComponent().deletingLastPathComponent()

  /// Top-level commands of the sources by name, each with its file.
  private static func declared() throws -> [String: String] {
    let sources = root.appendingPathComponent("Sources")
    let declaration = /(?m)^(?:public |package )*struct (\w+): (?:Async)?ParsableCommand \{/
    var found: [String: String] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: sources.path) where path.hasSuffix(".swift") {
      let text = try String(contentsOf: sources.appendingPathComponent(path), encoding: .utf8)
      let types = text.matches(of: declaration)
      guard let first = types.first, first.output.1 != "RootCommand" else { continue }
      #expect(types.count == 1, "\(path) holds several subcommands: one file each")
      let name = try #require(text.firstMatch(of: /commandName:\s*"([a-z]+)"/), "\(path) does not name its command")
      #expect(found.updateValue(path, forKey: String(name.output.1)) == nil, "two files declare \(name.output.1)")
    }
    return found
  }

  /// Every command that the program knows, hidden ones too.
  private static func known() throws -> [String: JSON] {
    let dump = try Program.run(["--experimental-dump-help"])
    try #require(dump.code == 0, "\(dump.errors)")
    let commands = try JSON(parsing: Data(dump.output.utf8))["command"]?["subcommands"]?.arrayValue ?? []
    return Dictionary(
      commands.compactMap { item in item["commandName"]?.stringValue.map { ($0, item) } },
      uniquingKeysWith: { first, _ in first })
  }

  @Test func everySubcommandOfTheSourcesHasARow() throws {
    let known = try Self.known()
    #expect(known.keys.filter { $0 != "help" }.sorted() == (try Self.declared()).keys.sorted())
  }

  /// Results can be read by programs and messages coloured as asked, whatever the command.
  @Test func everyCommandPrintsJSONAndTakesAColour() throws {
    // Commands whose output is a file's text, a page, or nothing but the place of what they wrote.
    let plain: Set = ["worker", "schema", "manual", "init", "logs", "serve", "report", "upscale", "help"]
    func check(_ command: JSON, _ path: String) {
      let children = (command["subcommands"]?.arrayValue ?? []).filter { $0["commandName"] != "help" }
      for child in children { check(child, "\(path) \(child["commandName"]?.stringValue ?? "")") }
      guard children.isEmpty else { return }
      let options = (command["arguments"]?.arrayValue ?? []).flatMap { $0["names"]?.arrayValue ?? [] }
        .compactMap { $0["name"]?.stringValue }
      #expect(options.contains("json") && options.contains("color"), "pipeline \(path) lacks --json or --color")
    }
    for (name, command) in try Self.known() where !plain.contains(name) { check(command, name) }
  }
}
