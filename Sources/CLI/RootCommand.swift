import ArgumentParser
import Basics
import Foundation
import Pipeline

/// The command that holds all others; they are listed in `Commands.swift`.
struct RootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Runs declared pipelines for depth-map super-resolution: only what changed, resuming after anything.",
    discussion: """
      A YAML file declares the stages. `pipeline run FILE` brings everything up to date.

      Exit codes: 0 done or up to date, 1 a stage failed, 2 usage or validation, 3 waiting at a gate, 130/143 signals.
      """,
    version: Commands.version,
    groupedSubcommands: Commands.groups)

  /// Prints an error where it belongs and says with which code to end.
  static func report(_ error: any Error) -> Int32 {
    let colour = Console.colour
    switch error {
    case let errors as SpecificationErrors:
      Console.standardError(DiagnosticRenderer(sources: errors.sources, colour: colour).render(errors.diagnostics))
      Console.standardError("\(counted(errors.diagnostics.count, "error"))\n")
      return ExitCodes.usage
    case let error as any ReadableError:
      Console.standardError(DiagnosticRenderer(sources: [:], colour: colour).render(Diagnostic(error)))
      // A diagnostic is about a file or the command line; everything else happened while working.
      return error is Diagnostic ? ExitCodes.usage : ExitCodes.stageFailed
    case let code as ExitCode: return code.rawValue
    default: break
    }
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    // Help and version are asked for; they are not errors.
    if code.isSuccess {
      Console.standardOutput(message + "\n")
      return 0
    }
    if !message.isEmpty { Console.standardError(message + "\n") }
    return code == .validationFailure ? ExitCodes.usage : code.rawValue
  }
}

/// The codes with which the process ends.
enum ExitCodes {
  static let stageFailed: Int32 = 1
  static let usage: Int32 = 2
  static let waiting: Int32 = 3
}
