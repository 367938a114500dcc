import ArgumentParser
import Pipeline
import Stages

/// `pipeline schema`: the JSON Schema of pipeline files, for editors.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of pipeline files, which editors complete and check by.",
    discussion: """
      Write it beside your files and name it in their first line:
        pipeline schema > schema/pipeline.schema.json
        # yaml-language-server: $schema=schema/pipeline.schema.json
      """)

  func run() {
    Console.standardOutput(JSONSchema.schema(of: .standard).pretty + "\n")
  }
}
