// A stand-in for `pipeline` in tests: the same worker and runner, with toy stages and fault injection.
//   engine-probe [--fault N] worker JOB | --fork-server
//   engine-probe [--fault N] [--worker-fault N] [--count FILE] run PIPELINE.json STORE
import Basics
import EngineToys
import Foundation
import Pipeline

var arguments = Array(CommandLine.arguments.dropFirst())
@MainActor func option(_ name: String) -> String? {
  guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
  let value = arguments[index + 1]
  arguments.removeSubrange(index...(index + 1))
  return value
}

let workerFault = option("--worker-fault")
let countFile = option("--count")
let faultStage = option("--fault-stage")
let fault = option("--fault").flatMap(Int.init)
if arguments.first == "worker",
  let job = Worker.forkedJob(Array(arguments.dropFirst()), catalogue: Toys.catalogue)
{
  arguments[1] = job
}
if let fault, try isMeant(faultStage) { FaultInjection.arm(at: fault) }

/// A fault can be for the worker of one stage only.
@MainActor func isMeant(_ stage: String?) throws -> Bool {
  guard let stage, arguments.first == "worker" else { return true }
  let job = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: arguments[1])))
  return job["instance"]?["id"]?.stringValue == stage
}

@MainActor func saveCount() throws {
  guard let countFile else { return }
  let line = Data("\(FaultInjection.operations)\n".utf8)
  let fd = open(countFile, O_WRONLY | O_CREAT | O_APPEND, 0o644)
  _ = line.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
  close(fd)
}

/// `false` is none; copies when nothing is said.
func publishMode(_ json: JSON?) throws -> PublishMode {
  guard let word = json?.stringValue else { return json == false ? .none : .copy }
  guard let mode = PublishMode(rawValue: word) else { throw StageFailure("there is no way to publish called \(word)") }
  return mode
}

@MainActor func runPipeline() async throws -> Int32 {
  let json = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: arguments[1])))
  let instances = try (json["stages"]?.arrayValue ?? []).map { try StageInstance(json: $0, catalogue: Toys.catalogue) }
  let pipeline = ResolvedPipeline(
    name: json["name"]?.stringValue ?? "probe", file: arguments[1], instances: instances)
  var worker = [CommandLine.arguments[0]]
  if let workerFault { worker += ["--fault", workerFault] }
  if let faultStage { worker += ["--fault-stage", faultStage] }
  if let countFile { worker += ["--count", countFile + ".worker"] }
  worker.append("worker")
  let store = Store(root: arguments[2], durable: json["durable"]?.boolValue ?? true)
  let runner = try Runner(
    pipeline: pipeline, store: store,
    options: RunOptions(
      keepGoing: json["keep_going"]?.boolValue ?? false, cpus: json["cpus"]?.intValue, workerCommand: worker,
      outputsFolder: arguments[2] + "/../outputs",
      publish: try publishMode(json["publish"]),
      remote: try json["remote"]?.stringValue.map(RemoteAddress.init),
      executor: json["slurm"] == nil ? .local : .slurm, slurm: json["slurm"].map(SlurmOptions.init) ?? SlurmOptions()),
    observe: { event in FileHandle.standardOutput.write(Data((event.json.canonical + "\n").utf8)) })
  let signals = RunSignals { runner.signal($0) }
  let summary = try await runner.run()
  signals.cancel()
  try saveCount()
  return summary.exitCode
}

switch arguments.first {
case "worker":
  let status = await Worker.main(jobPath: arguments[1], catalogue: Toys.catalogue)
  try saveCount()
  Worker.leave(status)
case "run":
  do { exit(try await runPipeline()) } catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
  }
default:
  FileHandle.standardError.write(Data("usage: engine-probe worker JOB | run PIPELINE.json STORE\n".utf8))
  exit(2)
}
