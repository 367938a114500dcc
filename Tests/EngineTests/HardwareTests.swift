import Basics
import EngineToys
import Foundation
import Pipeline
import Testing

/// Results of stages whose bytes depend on the hardware: recorded, and in the key on request. Machines are played by a file that
/// names the class of hardware.
@Suite struct HardwareTests {
  private let bench: Bench
  private var machine: String { bench.root + "/machine" }

  init() throws {
    bench = try Bench()
    try bench.addPhotos(["a", "b"])
  }

  private func stages() throws -> [StageInstance] {
    let own: [String: JSON] = ["machine": .string(machine)]
    return [
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage("map", "toy.map", own, inputs: ["in": ["collect.samples"]], seed: 1),
      try bench.stage("train", "toy.train", own, inputs: ["in": ["collect.samples"]], seed: 1),
    ]
  }

  private func run(on text: String, _ arithmetic: Arithmetic = .portable) async throws -> Bench.Outcome {
    try bench.write(text, machine)
    return try await bench.run(try stages(), arithmetic: arithmetic)
  }

  private func made(_ instance: String) throws -> (key: Digest, hardware: [HardwareClass]) {
    let result = try #require(try Inspection.latestResult(instance, pipeline: "test", store: bench.store))
    return (result.key, result.made.hardware)
  }

  private func notes(_ outcome: Bench.Outcome) -> [String] {
    outcome.events.compactMap { if case .note(_, let message) = $0 { message } else { nil } }
  }

  @Test func portableResultsHaveOneKeyAndSayWhoMadeThem() async throws {
    #expect(try await run(on: "avx512").summary.ran == 3)
    for id in ["map", "train"] { #expect(try made(id).hardware == ["avx512"]) }
    #expect(try made("collect").hardware.isEmpty, "no hardware changes its bytes")
    let key = try made("train").key
    #expect(try await run(on: "avx2").trace.isEmpty)
    #expect(try made("train").key == key)
    #expect(try made("train").hardware == ["avx512"])
    let outcome = try #require(try bench.store.runs().last).json["results"]?["train"]
    #expect(outcome?["hardware"] == ["avx512"])
  }

  /// The setting alone changes no key: neither of stages that no hardware changes, nor of any under `portable`.
  @Test func exactResultsHaveAKeyForEachClass() async throws {
    _ = try await run(on: "avx512")
    let portable = try (made("collect").key, made("train").key)
    let first = try await run(on: "avx512", .exact)
    #expect(first.summary.upToDate == 1 && first.summary.ran == 2)
    #expect(try made("collect").key == portable.0)
    let wide = try made("train")
    #expect(wide.key != portable.1 && wide.hardware == ["avx512"])
    try bench.write("avx2", machine)
    var pipeline = bench.pipeline(try stages())
    pipeline.settings.arithmetic = .exact
    for id in ["map", "train"] {
      let reasons = try Inspection.explain(
        id, in: pipeline, store: bench.store, options: PlanOptions(outputsFolder: bench.root)
      ).plan.reasons
      #expect(reasons == [.changed(KeyDifference(field: "hardware", old: "avx512", new: "avx2"))])
    }
    #expect(try await run(on: "avx2", .exact).summary.ran == 2)
    let narrow = try made("train")
    #expect(narrow.key != wide.key && narrow.hardware == ["avx2"])
    #expect(try await run(on: "avx512", .exact).trace.isEmpty, "the first result is found again")
    #expect(try made("train").key == wide.key)
  }

  @Test func goingOnFromAnotherClassIsToldAndRecorded() async throws {
    let failed = try await run(on: "avx512 fails")
    #expect(failed.failure("train") == "the machine failed")
    let second = try await run(on: "avx2")
    #expect(second.summary.exitCode == 0)
    #expect(second.trace == ["step 2"], "it goes on")
    #expect(notes(second) == ["goes on from a checkpoint of avx512"])
    #expect(try made("train").hardware == ["avx512", "avx2"])
    #expect(try made("train").hardware.text == "avx512, then avx2")
    let record = try #require(try bench.store.runs().last).folder + "/events.jsonl"
    #expect(try String(contentsOfFile: record, encoding: .utf8).contains("goes on from a checkpoint of avx512"))
  }

  @Test func exactWorkBeginsAnewOnAnotherClass() async throws {
    #expect(try await run(on: "avx512 fails", .exact).failure("train") == "the machine failed")
    let second = try await run(on: "avx2", .exact)
    #expect(second.trace.filter { $0.hasPrefix("step") } == ["step 0", "step 1", "step 2"])
    #expect(notes(second).isEmpty)
    #expect(try made("train").hardware == ["avx2"])
  }

  /// A batch job may run on another node than it was planned on.
  @Test func exactWorkIsRefusedByAMachineOfAnotherClass() async throws {
    try bench.write("avx512", machine)
    try await bench.run(try stages(), targets: ["collect"])
    let worker = ["/bin/sh", "-c", "printf avx2 >'\(machine)'; exec '\(Bench.probe)' worker \"$0\""]
    let outcome = try await bench.run(
      try stages(), targets: ["train"], worker: worker, forks: false, arithmetic: .exact)
    let failure = try #require(outcome.failure("train"))
    #expect(failure.hasPrefix("the key asks for results of `avx512`, but this machine"), "\(failure)")
    #expect(failure.contains("is `avx2`") && failure.contains("settings.slurm.constraint"))
    #expect(outcome.trace.isEmpty)
  }

  @Test func samplesOfSeveralClassesAreTold() async throws {
    _ = try await run(on: "avx512")
    try bench.addPhotos(["c"])
    let second = try await run(on: "avx2")
    #expect(try made("map").hardware == ["avx512", "avx2"])
    #expect(notes(second).contains("its samples were made on different hardware: avx512, then avx2"))
  }

  /// A note that there is nothing to do must not outlive a change of machines.
  @Test func exactPipelinesAreLookedAtEachTime() async throws {
    try bench.write("avx512", machine)
    for (arithmetic, proves) in [(Arithmetic.exact, false), (.portable, true)] {
      let request = RunRequest(
        file: "test-\(arithmetic).yaml", outputsFolder: bench.root + "/outputs", store: bench.store)
      _ = request.reading { () throws(Never) in 0 }
      var pipeline = bench.pipeline(try stages(), name: "\(arithmetic)")
      pipeline.settings.arithmetic = arithmetic
      for _ in 0..<2 {
        let runner = try Runner(
          pipeline: pipeline, store: bench.store,
          options: RunOptions(
            cpus: 2, workerCommand: [Bench.probe, "worker"], outputsFolder: bench.root + "/outputs", publish: .none,
            request: request), observe: { _ in })
        #expect(try await runner.run().exitCode == 0)
      }
      #expect((request.answer(observe: { _ in }) != nil) == proves)
    }
  }
}
