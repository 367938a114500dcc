import ArgumentParser
import Foundation
import Pipeline
import Stages

/// `pipeline worker JOB`: what a run starts for every stage. Not for people.
struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Run one stage from a job file.", shouldDisplay: false)

  @Argument var job: String

  func run() async throws {
    throw ExitCode(await Worker.main(jobPath: job, catalogue: .standard))
  }
}
