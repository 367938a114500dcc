import ArgumentParser
import Basics
import Foundation
import Pipeline

/// `pipeline doctor`: whether this machine and this place are fit for a run.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check this machine, the store and its file system.")

  @OptionGroup var storage: StoreOptions

  func run() throws {
    let store = storage.openHere()
    var problems = 0
    func line(_ isGood: Bool, _ name: String, _ text: String) {
      if !isGood { problems += 1 }
      Console.standardOutput("\(isGood ? "ok  " : "BAD ") \(name): \(text)\n")
    }
    line(true, "cores", "\(MachineResources.cpus)")
    line(MachineResources.memory > 2 << 30, "memory", byteText(MachineResources.memory))
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    line(limit.rlim_cur >= 256, "open files", "at most \(limit.rlim_cur) (`ulimit -n` raises it)")
    do {
      try store.prepare()
      let check = try store.selfTest()
      line(true, "store", store.root)
      line(check.locksWork, "locks", check.locksWork ? "work here" : "do not work on this file system; use one process")
      line(
        true, "reflinks", check.reflinksWork ? "work: published outputs take no space" : "not here: outputs are copied")
      line(check.free > 1 << 30, "free space", byteText(check.free))
    } catch {
      line(false, "store", "\(error)")
    }
    if problems > 0 { throw ExitCode(ExitCodes.stageFailed) }
  }
}
