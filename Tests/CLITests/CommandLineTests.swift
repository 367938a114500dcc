import Basics
import Foundation
import Testing

@Suite struct CommandLineTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var arguments: [String]
    var code: Int32
    var testDescription: String { name }
  }

  /// Error texts and small results as users see them; `HelpTests` has the help.
  static let cases: [Case] = [
    .init(name: "unknown-command", arguments: ["vaildate", "x.yaml"], code: 2),
    .init(name: "unknown-option", arguments: ["validate", "x.yaml", "--profil", "a"], code: 2),
    .init(name: "missing-argument", arguments: ["validate"], code: 2),
    .init(name: "missing-file", arguments: ["validate", "nothing.yaml"], code: 2),
    .init(name: "unknown-stage-type", arguments: ["stages", "depth.degrad"], code: 2),
    .init(name: "bad-format", arguments: ["graph", "x.yaml", "--format", "png"], code: 2),
    .init(name: "broken-file", arguments: ["validate", "broken.yaml"], code: 2),
    .init(name: "broken-file-json", arguments: ["validate", "broken.yaml", "--json"], code: 2),
    .init(name: "bad-override", arguments: ["validate", "sound.yaml", "--set", "photos.with.sise=3"], code: 2),
    .init(name: "unknown-target", arguments: ["graph", "sound.yaml", "fotos"], code: 2),
    .init(name: "sound-file", arguments: ["validate", "sound.yaml"], code: 0),
    .init(name: "sound-graph", arguments: ["graph", "sound.yaml"], code: 0),
    .init(name: "colour", arguments: ["validate", "broken.yaml", "--color", "always"], code: 2),
  ]

  @Test(arguments: cases) func texts(_ example: Case) throws {
    let result = try Program.run(example.arguments, folder: cliTestFolder.appendingPathComponent("Golden"))
    #expect(result.code == example.code)
    let text =
      "$ pipeline \(example.arguments.joined(separator: " "))\n\(result.output)--- standard error\n\(result.errors)"
    let golden = cliTestFolder.appendingPathComponent("Golden/\(example.name).txt")
    if ProcessInfo.processInfo.environment["RECORD"] != nil {
      try Data(text.utf8).write(to: golden)
      Issue.record("recorded \(golden.lastPathComponent)")
      return
    }
    #expect(text == (try String(contentsOf: golden, encoding: .utf8)))
  }

  /// Results go to standard output and nothing else does.
  @Test func messagesGoToStandardError() throws {
    let folder = cliTestFolder.appendingPathComponent("Golden")
    #expect(try Program.run(["validate", "broken.yaml"], folder: folder).output.isEmpty)
    #expect(try Program.run(["validate", "sound.yaml"], folder: folder).errors.isEmpty)
    #expect(try Program.run(["schema"]).errors.isEmpty)
  }

  /// Not a terminal: no colour unless asked; `NO_COLOR` and `TERM=dumb` change nothing about `--color always`.
  @Test(arguments: [
    ([], false), (["--color", "never"], false), (["--color", "always"], true), (["--color=always"], true),
  ])
  func colourOnlyWhenAsked(_ options: [String], _ isColoured: Bool) throws {
    let folder = cliTestFolder.appendingPathComponent("Golden")
    for environment in [[:], ["NO_COLOR": "1"], ["TERM": "dumb"]] {
      let result = try Program.run(["validate", "broken.yaml"] + options, environment: environment, folder: folder)
      #expect(result.errors.contains("\u{1b}[") == isColoured)
    }
  }

  @Test func jsonIsJSON() throws {
    let folder = cliTestFolder.appendingPathComponent("Golden")
    let sound = try JSON(parsing: Program.run(["validate", "sound.yaml", "--json"], folder: folder).output)
    #expect(sound["valid"] == true && sound["schema_version"] == 1)
    let broken = try JSON(parsing: Program.run(["validate", "broken.yaml", "--json"], folder: folder).output)
    #expect(broken["valid"] == false && broken["errors"]?.arrayValue?.isEmpty == false)
    let graph = try JSON(parsing: Program.run(["graph", "sound.yaml", "--json"], folder: folder).output)
    #expect(graph["nodes"]?.arrayValue?.count == 1)
    let stages = try JSON(parsing: Program.run(["stages", "--json"]).output)
    #expect(stages.arrayValue?.contains { $0["type"] == "images.collect" } == true)
    #expect(try JSON(parsing: Program.run(["schema"]).output)["definitions"] != nil)
  }

  @Test func initWritesAPipelineThatIsValidAndOverwritesNothing() throws {
    let folder = try Program.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }  // best effort
    #expect(try Program.run(["init"], folder: folder).code == 0)
    let valid = try Program.run(["validate", "pipeline.yaml"], folder: folder)
    #expect(valid.code == 0, "\(valid.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent(".pipeline").path))
    let before = try Data(contentsOf: folder.appendingPathComponent("pipeline.yaml"))
    let again = try Program.run(["init"], folder: folder)
    #expect(again.code == 2 && again.errors.contains("exists already"))
    #expect(try Data(contentsOf: folder.appendingPathComponent("pipeline.yaml")) == before)
  }
}
