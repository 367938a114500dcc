import ArgumentParser
import CVersion

/// Every subcommand, one row each.
enum Commands {
  /// The newest release; CHANGELOG.md has a heading for it.
  static let release = "0.1.0"

  /// Release and commit, such as `0.1.0 (1a2b3c4d5e6f)`; the release alone where the build knew no commit.
  static let version: String = {
    let commit = String(cString: pipeline_commit())
    guard !commit.isEmpty else { return release }
    let parts = commit.split(separator: "-", maxSplits: 1)
    return "\(release) (\(parts[0].prefix(12))\(parts.count > 1 ? ", modified" : ""))"
  }()

  static let groups: [CommandGroup] = [
    CommandGroup(
      name: "Run:",
      subcommands: [
        RunCommand.self,
        PlanCommand.self,
        StatusCommand.self,
        ExplainCommand.self,
        ApproveCommand.self,
        RejectCommand.self,
        WorkerCommand.self,
      ]),
    CommandGroup(
      name: "Look back:",
      subcommands: [
        LogsCommand.self,
        RunsCommand.self,
        ShowCommand.self,
        CompareCommand.self,
        ReportCommand.self,
        ServeCommand.self,
        CacheCommand.self,
        DoctorCommand.self,
      ]),
    CommandGroup(
      name: "Use a model:",
      subcommands: [
        ModelsCommand.self,
        ExportCommand.self,
        UpscaleCommand.self,
      ]),
    CommandGroup(
      name: "Look at a file:",
      subcommands: [
        ValidateCommand.self,
        GraphCommand.self,
      ]),
    CommandGroup(
      name: "Set up and learn:",
      subcommands: [
        InitialiseCommand.self,
        StagesCommand.self,
        SchemaCommand.self,
        ManualCommand.self,
      ]),
  ]

  static var all: [any ParsableCommand.Type] { groups.flatMap { $0.subcommands } }
}
