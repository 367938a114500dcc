// Times of the engine itself. Makes its own inputs in a temporary folder; compares with ninja where it is installed.
//   bench-engine [--only PART] [--stages N] [--samples N] [--files N] [--million]
//   bench-engine run FILE          a run with the toy stages, as `pipeline run` does it
//   bench-engine fill | plan | validate FILE
//   bench-engine worker JOB        what such a run starts
import Basics
import EngineToys
import Foundation
import Pipeline
import Stages

var arguments = Array(CommandLine.arguments.dropFirst())

@MainActor func option(_ name: String, _ value: Int) -> Int {
  guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return value }
  return Int(arguments[index + 1]) ?? value
}

switch arguments.first {
case "worker":
  let job = Worker.forkedJob(Array(arguments.dropFirst()), catalogue: catalogue) ?? arguments[1]
  Worker.leave(await Worker.main(jobPath: job, catalogue: catalogue))
case "run": exit(try await run(file: arguments[1]))
case "fill": exit(try await fill(file: arguments[1]))
case "plan": exit(try plan(file: arguments[1]))
case "validate": exit(try load(arguments[1]).instances.isEmpty ? 1 : 0)
default: break
}

let only = arguments.firstIndex(of: "--only").map { arguments[$0 + 1] }
@MainActor func wants(_ part: String) -> Bool { only == nil || only == part }

let root = FileManager.default.temporaryDirectory.path + "/bench-engine-\(getpid())"
try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)

print("Times are the best of several; on a shared machine only the ratios mean something.")
if wants("start") { try await benchStart(root) }
if wants("overhead") { try await benchOverhead(root) }
// A process inherits the peak of the one that started it: what reads much into this one comes last.
if wants("stages") { try benchStages(root, count: option("--stages", 10_000)) }
if wants("files") { try benchFiles(root, count: option("--files", 100_000)) }
if wants("samples") { try benchSamples(root, count: option("--samples", 20_000), stages: 10) }
if arguments.contains("--million") { try benchSamples(root, count: 1_000_000, stages: 10) }
if wants("hash") { try benchHashing(root) }
if wants("plan") { try benchPlanning(root) }
try FileManager.default.removeItem(atPath: root)
