import ArgumentParser
import Foundation
import Pipeline
import Stages

/// The `pipeline` command as a whole program.
///
/// A program of one's own with further stages and networks is its `main.swift`:
///
///     import PipelineCommandLine
///
///     await PipelineCommand.main(adding: Additions(stages: [PhotosGamma.self], networks: [CorrectedBicubic.kind]))
///
/// `Examples/OwnStages` is such a program.
public enum PipelineCommand {
  /// Reads the arguments of the process, does what they ask and ends the process where that fails. The worker processes of a
  /// run are the same program, so that what it adds exists there as well.
  ///
  /// Must be the first thing that the program does: it forks workers from itself before it has a second thread.
  /// - Parameter additions: what the program has besides the standard stages and networks. A name that is taken ends the
  ///   process with a message and exit code 2.
  public static func main(adding additions: Additions = Additions()) async {
    do { try additions.register() } catch { Foundation.exit(RootCommand.report(error)) }
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == WorkerCommand.configuration.commandName,
      let job = Worker.forkedJob(Array(arguments.dropFirst()), catalogue: .standard)
    {
      Worker.leave(await Worker.main(jobPath: job, catalogue: .standard))
    }
    if let unknown = unknownSubcommand(arguments) {
      Console.standardError(DiagnosticRenderer(sources: [:], colour: Console.colour).render(unknown))
      Foundation.exit(ExitCodes.usage)
    }
    do {
      var command = try RootCommand.parseAsRoot(arguments)
      if var command = command as? AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      Foundation.exit(RootCommand.report(error))
    }
  }

  private static func unknownSubcommand(_ arguments: [String]) -> Diagnostic? {
    guard let word = arguments.first, !word.hasPrefix("-") else { return nil }
    let names = Commands.all.compactMap { $0.configuration.commandName }
    if names.contains(word) || word == "help" { return nil }
    let visible = Commands.all.filter { $0.configuration.shouldDisplay }.compactMap { $0.configuration.commandName }
    return Diagnostic("there is no command `\(word)`", help: suggestion(for: word, among: visible))
  }
}
