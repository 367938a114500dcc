import ArgumentParser
import Basics
import Pipeline

/// `pipeline validate FILE`: reads everything, says what is wrong in one go, or what there is.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check a pipeline file and everything it refers to.")

  @OptionGroup var specification: SpecificationOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    do throws(SpecificationErrors) {
      let pipeline = try specification.load()
      if output.json {
        Console.standardOutput(ValidateCommand.json(pipeline).canonical + "\n")
      } else {
        let stages = pipeline.stageNames.count
        let instances = pipeline.instances.count
        Console.standardOutput(
          "\(specification.file): \(pipeline.name) is valid: \(counted(stages, "stage")), "
            + "\(counted(instances, "instance"))\n")
      }
    } catch {
      guard output.json else { throw error }
      Console.standardOutput(ValidateCommand.json(error).canonical + "\n")
      throw ExitCode(ExitCodes.usage)
    }
  }

  static func json(_ pipeline: ResolvedPipeline) -> JSON {
    [
      "schema_version": 1, "valid": true, "name": .string(pipeline.name),
      "targets": .array(pipeline.targets.map(JSON.string)), "instances": .array(pipeline.instances.map(\.json)),
    ]
  }

  static func json(_ errors: SpecificationErrors) -> JSON {
    func place(_ mark: Mark?) -> [String: JSON] {
      guard let mark else { return [:] }
      return ["file": .string(mark.file), "line": .int(mark.line), "column": .int(mark.column)]
    }
    return [
      "schema_version": 1, "valid": false,
      "errors": .array(
        errors.diagnostics.map { diagnostic in
          var members = place(diagnostic.mark)
          members["message"] = .string(diagnostic.message)
          members["help"] = diagnostic.help.map(JSON.string)
          members["notes"] = .array(
            diagnostic.notes.map { note in
              .object(place(note.mark).merging(["message": .string(note.message)]) { _, new in new })
            })
          return .object(members)
        }),
    ]
  }
}
