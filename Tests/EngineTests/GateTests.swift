import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 10: a gate waits without blocking others, is bound to content, and asks again only for what is new.
@Suite struct GateTests {
  private func stages(_ bench: Bench, approve: String = "explicit", coverage: Double = 1) throws -> [StageInstance] {
    [
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage(
        "gate", "toy.gate", ["folder": .string(bench.results)], inputs: ["photos": ["collect.samples"]],
        extra: [
          "gate": [
            "approve": .string(approve), "coverage": .double(coverage), "message": "Use ${inputs.photos}.",
          ]
        ]),
      try bench.stage("after", "toy.map", ["add": "z"], inputs: ["in": ["gate.samples"]]),
      try bench.stage("other", "toy.map", ["add": "o"], inputs: ["in": ["collect.samples"]]),
    ]
  }

  private func approve(_ bench: Bench, _ status: GateStatus, _ approved: Bool = true, only: [String]? = nil) throws {
    let names = only ?? status.unapproved
    try Approvals(store: bench.store).add(
      names.compactMap { name in
        status.contents[name].map {
          ApprovalDecision(
            sample: name, content: $0, isApproved: approved, message: "looked", by: "me", time: "2026-01-01T00:00:00Z")
        }
      }, pipeline: "test", instance: "gate")
  }

  @Test func aLifeInFull() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b", "c"])
    try bench.write("made a", bench.results + "/a.txt")
    try bench.write("BAD", bench.results + "/b.txt")

    // Not enough is there; the other branch goes on.
    let first = try await bench.run(try stages(bench))
    #expect(first.summary.exitCode == 3)
    #expect(first.trace.filter { $0.hasPrefix("mapo") }.count == 3)
    let status = try #require(first.gate)
    #expect(status.summary.hasPrefix("1 of 3 there; missing: c; invalid: b (the result says BAD)"))
    #expect(status.message == "Use \(bench.root)/outputs/test/collect/samples.")
    #expect(status.missing.first?.reason.contains("\(bench.results)/c.txt") == true)

    // Everything is there: it asks.
    try bench.write("made b", bench.results + "/b.txt")
    try bench.write("made c", bench.results + "/c.txt")
    let second = try await bench.run(try stages(bench))
    #expect(second.summary.exitCode == 3)
    #expect(second.trace == ["gate b", "gate c"])
    let ready = try #require(second.gate)
    #expect(ready.unapproved == ["a", "b", "c"])
    #expect(ready.nextSteps("x.yaml").first == "look at the files, then:  pipeline approve x.yaml gate -m \"checked\"")

    try approve(bench, ready)
    let third = try await bench.run(try stages(bench))
    #expect(third.summary.exitCode == 0)
    #expect(third.trace == ["mapz a", "mapz b", "mapz c"])

    // One more photo: asks only for it, and nothing that was made is lost.
    try bench.addPhotos(["d"])
    try bench.write("made d", bench.results + "/d.txt")
    let fourth = try await bench.run(try stages(bench))
    #expect(fourth.summary.exitCode == 3)
    #expect(fourth.gate?.unapproved == ["d"])
    #expect(fourth.gate?.changed == [])
    try approve(bench, try #require(fourth.gate))
    let fifth = try await bench.run(try stages(bench))
    #expect(fifth.trace == ["mapz d"])

    // One file changes: asks only for that, and says that it was approved before.
    try bench.write("made a again", bench.results + "/a.txt")
    let sixth = try await bench.run(try stages(bench))
    #expect(sixth.gate?.unapproved == ["a"])
    #expect(sixth.gate?.changed == ["a"])
    #expect(sixth.gate?.changes.map(\.reason) == ["external.result"])
    #expect(sixth.gate?.summary == "4 of 4 there; not approved: 1, changed since approval: a (external.result)")
    try approve(bench, try #require(sixth.gate), false)
    let seventh = try await bench.run(try stages(bench))
    #expect(seventh.summary.exitCode == 3)
    #expect(seventh.gate?.rejected.first?.reason == "looked")
    // The old content comes back: it was approved.
    try bench.write("made a", bench.results + "/a.txt")
    let eighth = try await bench.run(try stages(bench))
    #expect(eighth.summary.exitCode == 0)
    #expect(eighth.trace == [])
  }

  /// Two gates side by side and a third behind them: each waits for itself, and is decided for itself.
  @Test func severalGatesInOnePipeline() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    let folders = ["first", "second", "third"].map { bench.root + "/" + $0 }
    // Other contents behind each gate: an approval holds for content, wherever it is met.
    for folder in folders {
      for name in ["a", "b"] { try bench.write("made \(name) in \(folder)", "\(folder)/\(name).txt") }
    }
    let gate: [String: JSON] = ["gate": ["approve": "explicit", "coverage": 1.0, "message": "Look."]]
    func stages() throws -> [StageInstance] {
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage(
          "one", "toy.gate", ["folder": .string(folders[0])], inputs: ["photos": ["collect.samples"]], extra: gate),
        try bench.stage(
          "two", "toy.gate", ["folder": .string(folders[1])], inputs: ["photos": ["collect.samples"]], extra: gate),
        try bench.stage("pair", "toy.pair", inputs: ["left": ["one.samples"], "right": ["two.samples"]]),
        try bench.stage(
          "three", "toy.gate", ["folder": .string(folders[2])], inputs: ["photos": ["pair.samples"]], extra: gate),
        try bench.stage("end", "toy.join", inputs: ["in": ["three.samples"]]),
      ]
    }
    func waiting(_ run: Bench.Outcome) -> [String] { run.summary.waiting.map(\.instance) }
    let first = try await bench.run(try stages())
    #expect(first.summary.exitCode == 3 && waiting(first) == ["one", "two"])
    for (gate, next) in [("two", ["one"]), ("one", ["three"]), ("three", [])] {
      let before = try await bench.run(try stages())
      let status = try #require(before.summary.waiting.first { $0.instance == gate })
      try Approvals(store: bench.store).add(
        status.unapproved.compactMap { name in
          status.contents[name].map {
            ApprovalDecision(sample: name, content: $0, isApproved: true, message: "", by: "", time: "2026")
          }
        }, pipeline: "test", instance: gate)
      let after = try await bench.run(try stages())
      #expect(waiting(after) == next, "after \(gate)")
      #expect(after.summary.exitCode == (next.isEmpty ? 0 : 3))
    }
  }

  @Test func automaticApprovalOpensByItself() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    try bench.write("made a", bench.results + "/a.txt")
    let run = try await bench.run(try stages(bench, approve: "automatic"))
    #expect(run.summary.exitCode == 0)
  }

  @Test func aFailureWhilePlanningIsNoWaitingAtTheGate() async throws {
    let bench = try Bench()
    let folder = bench.root + "/late"
    func stages() throws -> [StageInstance] {
      [
        try bench.stage(
          "collect", "toy.collect", ["folder": .string(folder)],
          extra: ["gate": ["approve": "automatic", "coverage": 1, "message": "Put photos there."]])
      ]
    }
    // A folder that is not there yet is what the gate waits for.
    let waiting = try await bench.run(try stages())
    #expect(waiting.summary.exitCode == 3)
    #expect(waiting.summary.waiting.first?.missing.first?.reason.contains("\(folder) does not exist") == true)

    // One that cannot be read is a failure, with what to do about it.
    try bench.write("photo", folder + "/a.txt")
    try FileManager.default.createSymbolicLink(atPath: folder + "/b.txt", withDestinationPath: "/nowhere")
    let failed = try await bench.run(try stages())
    #expect(failed.summary.exitCode == 1)
    #expect(failed.summary.waiting.isEmpty)
    #expect(failed.failure("collect")?.contains("b.txt is a link to something that does not exist") == true)
    let helps = failed.events.compactMap { if case .failed(_, _, let help, _) = $0 { help } else { nil } }
    #expect(helps == ["mend or remove that link"])
  }

  @Test(arguments: ["{", "{}", #"{"decisions": [{"sample": "a", "approved": true}]}"#])
  func anUnreadableDecisionIsNotForgotten(text: String) throws {
    let bench = try Bench()
    try bench.write(text, bench.store.root + "/approvals/test/gate.json")
    let failure = #expect(throws: StageFailure.self) {
      try Approvals(store: bench.store).decisions(pipeline: "test", instance: "gate")
    }
    #expect(failure?.message.contains("approvals/test/gate.json: ") == true)
    #expect(failure?.help == "mend the file or remove it; the gate then asks again")
  }

  @Test func coverageLeavesOutWhatIsNotThere() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b", "c", "d"])
    for name in ["a", "b"] { try bench.write("made \(name)", "\(bench.results)/\(name).txt") }
    let short = try await bench.run(try stages(bench, approve: "automatic", coverage: 0.75))
    #expect(short.summary.exitCode == 3)
    try bench.write("made c", bench.results + "/c.txt")
    let enough = try await bench.run(try stages(bench, approve: "automatic", coverage: 0.75))
    #expect(enough.summary.exitCode == 0)
    #expect(enough.trace == ["gate c", "mapz a", "mapz b", "mapz c"])
    let result = try #require(try Inspection.latestResult("gate", pipeline: "test", store: bench.store))
    let artifact = try bench.store.artifact(try #require(result.outputs["samples"]))
    #expect(artifact.rejected["d"]?.hasPrefix("missing result") == true)
  }

  @Test func anApprovalCountsInEveryPipelineForTheSameContent() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    try bench.write("made a", bench.results + "/a.txt")
    let first = try await bench.run(try stages(bench))
    try approve(bench, try #require(first.gate))
    let ablation = try await bench.run(try stages(bench), name: "ablation")
    #expect(ablation.summary.exitCode == 0)
  }

  @Test func anArtifactStandsInForTheFolder() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try bench.write("made a", bench.results + "/a.txt")
    try bench.write("made b", bench.results + "/b.txt")
    func stages() throws -> [StageInstance] {
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage("made", "toy.read", ["folder": .string(bench.results)]),
        try bench.stage(
          "gate", "toy.gate", inputs: ["photos": ["collect.samples"], "folder": ["made.files"]],
          extra: ["gate": ["approve": "automatic", "coverage": 1.0, "message": ""]]),
        try bench.stage("again", "toy.collect", inputs: ["material": ["made.files"]]),
      ]
    }
    let first = try await bench.run(try stages())
    #expect(first.summary.exitCode == 0)
    #expect(first.trace.contains("collect a") && first.trace.contains("gate b"))
    // One file of the folder changes: one sample runs.
    try bench.write("made b anew", bench.results + "/b.txt")
    let second = try await bench.run(try stages())
    #expect(second.trace == ["collect b", "gate b", "read"])
  }

  @Test func theDryRunSaysWhatTheGateWaitsFor() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try stages(bench))
    let plan = try bench.plan(try stages(bench))
    guard case .waiting(let status)? = plan["gate"]?.action else {
      Issue.record("the gate does not wait")
      return
    }
    #expect(status.missing.map(\.name) == ["a", "b"])
    #expect(plan["after"]?.action == .blocked(by: "gate"))
    #expect(plan["other"]?.action == .upToDate)
  }

  /// Samples are foretold through gates and files on disk: those that run, those that are still missing.
  @Test func theDryRunFollowsSamplesThroughAGate() async throws {
    let bench = try Bench()
    let instances = try stages(bench, approve: "automatic")
    try bench.addPhotos(["a", "b"])
    for name in ["a", "b"] { try bench.write("made \(name)", "\(bench.results)/\(name).txt") }
    try await bench.run(instances)

    try bench.addPhotos(["c"])
    try bench.write("made c", bench.results + "/c.txt")
    let plan = try bench.plan(instances)
    for id in ["collect", "gate", "after", "other"] {
      #expect(plan[id]?.sampleNames == ["c"], "\(id)")
      #expect(plan[id]?.samples == SampleCounts(total: 3, toRun: 1), "\(id)")
    }
    #expect(plan.stages.allSatisfy { $0.thenWaits == nil })
    let run = try await bench.run(instances)
    #expect(run.trace == ["collect c", "gate c", "mapo c", "mapz c"])
    // Said once, with what ran before the gate was asked.
    let said = run.events.compactMap { event -> String? in
      switch event {
      case .started("gate", let toRun, let reused, _, _): "start \(toRun) \(reused)"
      case .finished("gate", _, let run, let reused, _): "done \(run) \(reused)"
      default: nil
      }
    }
    #expect(said == ["start 1 2", "done 1 2"])

    // A photo without its result, beside a changed result.
    try bench.addPhotos(["d"])
    try bench.write("made b anew", bench.results + "/b.txt")
    let incomplete = try bench.plan(instances)
    #expect(incomplete["collect"]?.sampleNames == ["d"])
    #expect(incomplete["gate"]?.sampleNames == ["b"])
    #expect(incomplete["gate"]?.thenWaits?.missing.map(\.name) == ["d"])
    #expect(incomplete["after"]?.action == .blocked(by: "gate"))
    #expect(incomplete["other"]?.sampleNames == ["d"])
    let waiting = try await bench.run(instances)
    #expect(waiting.trace == ["collect d", "gate b", "mapo d"])
    #expect(waiting.gate?.summary == incomplete["gate"]?.thenWaits?.summary)

    // Only the missing one is left to wait for.
    guard case .waiting(let status)? = try bench.plan(instances)["gate"]?.action else {
      Issue.record("the gate does not wait")
      return
    }
    #expect(status.missing.map(\.name) == ["d"])
  }

  /// New content is asked about; what was approved and comes out the same is not.
  @Test func theDryRunForeseesTheQuestionAtAGate() async throws {
    let bench = try Bench()
    let instances = try stages(bench)
    try bench.addPhotos(["a", "b"])
    for name in ["a", "b", "c"] { try bench.write("made \(name)", "\(bench.results)/\(name).txt") }
    try approve(bench, try #require(try await bench.run(instances).gate))
    try await bench.run(instances)
    try bench.addPhotos(["c"])
    let plan = try bench.plan(instances)
    #expect(plan["gate"]?.sampleNames == ["c"])
    #expect(plan["gate"]?.thenWaits?.unapproved == ["c"])
    #expect(plan["after"]?.action == .blocked(by: "gate"))
    #expect(try await bench.run(instances).gate?.unapproved == ["c"])
  }
}
