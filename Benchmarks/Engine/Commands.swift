import Basics
import EngineToys
import Foundation
import Pipeline
import Stages

let catalogue = StageCatalogue(
  StageCatalogue.standard.stages + Toys.catalogue.stages + [BenchCollect.self, BenchMap.self])

/// `bench-engine run FILE`: the steps of `pipeline run`, with the toy stages.
func run(file: String) async throws -> Int32 {
  let folder = (file as NSString).deletingLastPathComponent
  let store = Store(root: folder + "/.pipeline", durable: ProcessInfo.processInfo.environment["NOT_DURABLE"] == nil)
  let request = RunRequest(file: file, publish: .copy, outputsFolder: folder + "/outputs", store: store)
  if let answer = request.answer(observe: { _ in }) { return answer.summary.exitCode }
  let pipeline = try request.reading { () throws(SpecificationErrors) -> ResolvedPipeline in
    try Specification.load(file: file, catalogue: catalogue)
  }
  let runner = try Runner(
    pipeline: pipeline, store: store,
    options: RunOptions(
      targets: pipeline.targets, workerCommand: [own, "worker"],
      forksWorkers: ProcessInfo.processInfo.environment["START_WORKERS"] == nil, outputsFolder: folder + "/outputs",
      publish: pipeline.instances.contains { $0.type == BenchCollect.self } ? .none : .copy, request: request),
    observe: { _ in })
  return try await runner.run().exitCode
}

/// `bench-engine fill FILE`: makes all results in this one process, nothing synced.
func fill(file: String) async throws -> Int32 {
  let folder = (file as NSString).deletingLastPathComponent
  let seconds = try await InProcessRun.bringUpToDate(
    load(file), store: Store(root: folder + "/.pipeline", durable: false))
  return seconds.isEmpty ? 1 : 0
}

/// `bench-engine plan FILE`: what `pipeline plan` does.
func plan(file: String) throws -> Int32 {
  let folder = (file as NSString).deletingLastPathComponent
  let plan = try Inspection.plan(
    try load(file), store: Store(root: folder + "/.pipeline"), options: PlanOptions(outputsFolder: folder + "/outputs"))
  return plan.isUpToDate ? 0 : 3
}
