import Basics
import Foundation
import Testing

/// The help of every command as a user sees it on a terminal of 80 columns. The list comes from the program itself, so a new
/// subcommand without its golden file fails.
@Suite struct HelpTests {
  private static let folder = cliTestFolder.appendingPathComponent("Golden/Help")

  /// The words of every command, from the program's own description of its arguments; the root has none.
  private func commands() throws -> [[String]] {
    let dump = try Program.run(["--experimental-dump-help"])
    func below(_ command: JSON, _ words: [String]) -> [[String]] {
      let nested = command["subcommands"]?.arrayValue ?? []
      return [words]
        + nested.flatMap { inner -> [[String]] in
          guard let name = inner["commandName"]?.stringValue, name != "help" else { return [] }
          return below(inner, words + [name])
        }
    }
    return below(try #require(JSON(parsing: dump.output)["command"]), [])
  }

  private func fileName(_ words: [String]) -> String { (["pipeline"] + words).joined(separator: "-") + ".txt" }

  @Test func helpOfEveryCommandIsAsRecorded() throws {
    let commands = try commands()
    #expect(commands.count > 20)
    let isRecording = ProcessInfo.processInfo.environment["RECORD"] != nil
    for words in commands {
      let result = try Program.run(words + ["--help"])
      #expect(result.code == 0 && result.errors.isEmpty, "\(words): \(result.errors)")
      let golden = Self.folder.appendingPathComponent(fileName(words))
      if isRecording {
        try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
        try Data(result.output.utf8).write(to: golden)
        Issue.record("recorded \(golden.lastPathComponent)")
        continue
      }
      let expected = try? String(contentsOf: golden, encoding: .utf8)  // absent: the message says what to do
      #expect(
        result.output == expected,
        "the help of `pipeline \(words.joined(separator: " "))` is not that of \(golden.lastPathComponent): RECORD=1 writes it"
      )
      // The argument parser breaks everything but the usage.
      for line in result.output.split(separator: "\n") where !line.hasPrefix("USAGE:") {
        #expect(
          line.count <= 80, "`pipeline \(words.joined(separator: " "))`: a line of \(line.count) columns: \(line)")
      }
    }
    // Golden files of commands that are gone.
    let known = Set(commands.map(fileName))
    let found = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(Set(found).subtracting(known).sorted() == [])
  }
}
