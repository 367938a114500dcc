import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline doctor`: whether this machine and this place are fit for a run.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check this machine, the store and its file system.")

  @Option(
    help: ArgumentHelp(
      "Lock this store with flock, leases or auto (what suits its file system) from now on; only while no run is active.",
      valueName: "kind"))
  var locks: LockChoice?

  @Flag(help: "Check too that Slurm's programs are here and answer.")
  var slurm = false

  @OptionGroup var storage: StoreOptions
  @OptionGroup var output: OutputOptions

  enum LockChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, flock, leases

    var locking: Locking? {
      switch self {
      case .auto: nil
      case .flock: Locking(.flock, isForced: true)
      case .leases: Locking(.leases, isForced: true)
      }
    }
  }

  func run() throws {
    let store = storage.openHere()
    var problems = 0
    var checks: [JSON] = []
    func line(_ isGood: Bool, _ name: String, _ text: String) {
      if !isGood { problems += 1 }
      if output.json {
        checks.append(["name": .string(name), "good": .bool(isGood), "text": .string(text)])
      } else {
        Console.standardOutput("\(isGood ? "ok  " : "BAD ") \(name): \(text)\n")
      }
    }
    line(true, "cores", "\(MachineResources.cpus)")
    line(MachineResources.memory > 2 << 30, "memory", byteText(MachineResources.memory))
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    line(limit.rlim_cur >= 256, "open files", "at most \(limit.rlim_cur) (`ulimit -n` raises it)")
    do {
      // First: this also mends a choice that cannot be read.
      if let locks { try store.setLocking(locks.locking) }
      try store.prepare()
      let check = try store.selfTest()
      line(true, "store", store.root)
      line(check.locksWork, "locks", Self.text(store.root, try store.locking, works: check.locksWork))
      let published =
        check.reflinksWork ? "work: published outputs take no space" : "not here: outputs are linked or copied"
      line(true, "reflinks", published)
      line(check.free > 1 << 30, "free space", byteText(check.free))
    } catch {
      line(false, "store", "\(error)")
    }
    if slurm { for check in SlurmCheck.all() { line(check.isGood, check.name, check.text) } }
    if output.json {
      let report: JSON = ["schema_version": 1, "good": .bool(problems == 0), "checks": .array(checks)]
      Console.standardOutput(report.canonical + "\n")
    }
    if problems > 0 { throw ExitCode(ExitCodes.stageFailed) }
  }

  private static func text(_ root: String, _ locking: Locking, works: Bool) -> String {
    let place =
      Locking.networkFileSystem(at: root).map { "a network file system (\($0))" } ?? "a local file system"
    let chosen = locking.isForced ? ", as --locks said" : ""
    switch locking.mode {
    case .flock: return works ? "flock on \(place)\(chosen)" : "flock does not work on \(place); use --locks leases"
    case .leases:
      let beat = "a heartbeat every \(durationText(Double(locking.beat) / 1000))"
      return works ? "leases with \(beat) on \(place)\(chosen)" : "leases do not work on \(place); use one process"
    }
  }
}
