import Foundation
import Testing

/// What people see of Slurm in the command. The executor itself is tried in `EngineTests`.
@Suite struct SlurmCommandTests {
  private static let small = """
    version: 1
    name: small
    settings: { executor: slurm, slurm: { poll: 1s } }
    stages:
      value: { uses: command, with: { argv: [sh, -c, "echo 1 > {output:out}/value.txt"] } }
    """

  /// Stand-ins: `sbatch` runs the job at once and prints its id, the queue is always empty.
  private func standIns(_ process: PipelineProcess) throws -> String {
    let folder = process.folder.path + "/bin"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let programs = [
      "sbatch":
        "[ \"$1\" = --version ] && exec echo slurm 0.0 stand-in\nfor script; do :; done\necho submitted >> \"\(folder)/calls\"\n"
        + "SLURM_JOB_ID=17 sh \"$script\" > /dev/null 2>&1 &\necho 17",
      "squeue": "exit 0", "scontrol": "exit 1", "scancel": "exit 0",
    ]
    for (name, text) in programs {
      let path = folder + "/" + name
      try Data("#!/bin/sh\n\(text)\n".utf8).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
    return folder
  }

  @Test func withoutItsProgramsARunEndsAtOnce() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.small, to: "small.yaml")
    let path = ["PATH": process.folder.path]
    let run = try process.run("run", "small.yaml", environment: path)
    #expect(run.code == 2)
    #expect(run.errors.contains("error: `sbatch` is not on PATH"))
    #expect(run.errors.contains("help: ") && run.errors.contains("--executor local"))
    let doctor = try process.run("doctor", "--slurm", environment: path)
    #expect(doctor.code == 1)
    #expect(doctor.output.contains("slurm"))
    // The command line wins over the file.
    let local = try process.run("run", "small.yaml", "--executor", "local")
    #expect(local.code == 0, "\(local.errors)")
  }

  @Test func aStageRunsAsAJob() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.small, to: "small.yaml")
    let folder = try standIns(process)
    let path = ["PATH": folder + ":/usr/local/bin:/usr/bin:/bin"]
    let doctor = try process.run("doctor", "--slurm", environment: path)
    #expect(doctor.output.contains("slurm 0.0 stand-in"), "\(doctor.output)")
    let run = try process.run("run", "small.yaml", environment: path)
    #expect(run.code == 0, "\(run.errors)")
    #expect(process.contents("outputs/small/value/out/value.txt") == Data("1\n".utf8))
    #expect(process.contents("bin/calls") == Data("submitted\n".utf8))
    #expect(run.errors.contains("17"), "the job is not shown: \(run.errors)")
    // Nothing is left to do, wherever it would run.
    let again = try process.run("run", "small.yaml", "--executor", "local")
    #expect(again.code == 0)
    #expect(process.contents("bin/calls") == Data("submitted\n".utf8))
    let status = try process.run("status", "small.yaml", environment: path)
    #expect(status.code == 0 && status.output.contains("Nothing to do"))
  }
}
