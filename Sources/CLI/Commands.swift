import ArgumentParser

/// Every subcommand, one row each.
enum Commands {
  static let version = "0.1.0"

  static let groups: [CommandGroup] = [
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
