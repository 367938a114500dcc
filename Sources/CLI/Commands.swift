import ArgumentParser

/// Every subcommand, one row each.
enum Commands {
  static let version = "0.1.0"

  static let groups: [CommandGroup] = [
    CommandGroup(
      name: "Run:",
      subcommands: [
        Run.self,
        PlanCommand.self,
        Status.self,
        Explain.self,
        Approve.self,
        Reject.self,
        WorkerCommand.self,
      ]),
    CommandGroup(
      name: "Look back:",
      subcommands: [
        Logs.self,
        Runs.self,
        Show.self,
        Compare.self,
        ReportCommand.self,
        Serve.self,
        Cache.self,
        Doctor.self,
      ]),
    CommandGroup(
      name: "Use a model:",
      subcommands: [
        ModelsCommand.self,
        ExportCommand.self,
        Upscale.self,
      ]),
    CommandGroup(
      name: "Look at a file:",
      subcommands: [
        Validate.self,
        GraphCommand.self,
      ]),
    CommandGroup(
      name: "Set up and learn:",
      subcommands: [
        Initialise.self,
        StagesCommand.self,
        Schema.self,
      ]),
  ]

  static var all: [any ParsableCommand.Type] { groups.flatMap { $0.subcommands } }
}
