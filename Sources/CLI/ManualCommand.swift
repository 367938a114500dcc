import ArgumentParser
import Basics

/// `pipeline manual`: the manual page in the format of man(1), which `make install` puts in place.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual", abstract: "Print the manual page, for man(1).", shouldDisplay: false)

  func run() throws {
    Console.standardOutput(
      ManualPage(help: try JSON(parsing: RootCommand._dumpHelp()), version: Commands.release).text)
  }
}
