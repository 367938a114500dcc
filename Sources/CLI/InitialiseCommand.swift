import ArgumentParser
import Foundation
import Pipeline
import Stages

/// `pipeline init [DIR]`: a small pipeline to start from, its schema, and the folder for results.
struct InitialiseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a small pipeline to start from.")

  @Argument(help: "The folder; the current one when not given.", completion: .directory)
  var directory = "."

  func run() throws {
    let folder = URL(fileURLWithPath: directory, isDirectory: true)
    let files: [(path: String, text: String)] = [
      ("pipeline.yaml", InitialiseCommand.starter),
      ("schema/pipeline.schema.json", JSONSchema.schema(of: .standard).pretty + "\n"),
      (".pipeline/.gitignore", "# Stored results; `pipeline run` makes them again.\n*\n"),
    ]
    // Nothing is written when anything is in the way.
    for file in files where FileManager.default.fileExists(atPath: folder.appendingPathComponent(file.path).path) {
      throw Diagnostic(
        "\(directory)/\(file.path) exists already", help: "choose another folder, or remove the file first")
    }
    for file in files {
      let url = folder.appendingPathComponent(file.path)
      do {
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(file.text.utf8).write(to: url, options: .withoutOverwriting)
      } catch {
        throw Diagnostic("cannot write \(url.path): \(error.localizedDescription)")
      }
    }
    let prefix = directory == "." ? "" : "\(directory)/"
    Console.standardOutput(
      """
      Wrote \(prefix)pipeline.yaml. Next:
        pipeline graph \(prefix)pipeline.yaml
        pipeline run \(prefix)pipeline.yaml

      """)
  }

  /// Uses only stages that need nothing but photos.
  static let starter = """
    # yaml-language-server: $schema=schema/pipeline.schema.json
    # Collects the photos of a folder. Add stages below; `pipeline stages` lists what there is.
    version: 1
    name: starter
    vars: { photos: photos }
    seed: 42
    stages:
      photos:
        uses: images.collect
        with: { source: "${photos}", size: 512 }

    """
}
