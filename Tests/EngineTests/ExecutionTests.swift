import Basics
import Foundation
import Pipeline
import Testing

@Suite struct ExecutionTests {
  @Test func aFailureSaysWhyAndLetsOthersGoOnWhenAsked() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    func stages() throws -> [StageInstance] {
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage("bad", "toy.join", ["fail": "always"], inputs: ["in": ["collect.samples"]]),
        try bench.stage("below", "toy.step", inputs: ["in": ["bad.table"]]),
        try bench.stage("one", "toy.map", ["add": "1"], inputs: ["in": ["collect.samples"]]),
        try bench.stage("two", "toy.map", ["add": "2"], inputs: ["in": ["one.samples"]]),
      ]
    }
    let run = try await bench.run(try stages(), keepGoing: true)
    #expect(run.summary.exitCode == 1)
    #expect(run.summary.failed == ["bad"])
    #expect(run.failure("bad") == "asked to fail\nask for something else")
    #expect(run.trace.contains("map2 a"))
    #expect(!run.trace.contains("step"))
  }

  @Test(arguments: [("crash", "the worker was ended by signal"), ("kill", "signal 9")])
  func aDeadWorkerIsReported(_ how: String, _ words: String) async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let run = try await bench.run([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage("join", "toy.join", ["fail": .string(how)], inputs: ["in": ["collect.samples"]]),
    ])
    #expect(run.summary.exitCode == 1)
    #expect(run.failure("join")?.contains(words) == true)
  }

  @Test func aFailedAttemptIsRepeated() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let run = try await bench.run([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage(
        "join", "toy.join", ["fail": "once"], inputs: ["in": ["collect.samples"]], extra: ["retries": 1]),
    ])
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.filter { $0 == "join" }.count == 2)
  }

  @Test func aTimeLimitEndsTheWholeGroup() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let run = try await bench.run([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage(
        "train", "toy.train", ["steps": 100000, "delay": 5], inputs: ["in": ["collect.samples"]],
        extra: ["timeout": 0.5]),
    ])
    #expect(run.failure("train")?.hasPrefix("ended after its time limit of 0.5 s") == true)
  }

  @Test func badSamplesFailTheStageOrAreLeftOut() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b", "c"])
    try bench.write("BAD", bench.photos + "/b.txt")
    func stages(_ policy: String) throws -> [StageInstance] {
      [
        try bench.stage(
          "collect", "toy.collect", ["folder": .string(bench.photos)], extra: ["on_bad_sample": .string(policy)]),
        try bench.stage("join", "toy.join", inputs: ["in": ["collect.samples"]]),
      ]
    }
    let failed = try await bench.run(try stages("fail"))
    #expect(failed.summary.exitCode == 1)
    #expect(failed.failure("collect")?.contains("1 of 3 samples cannot be used:\n  b: the file says BAD") == true)
    let skipped = try await bench.run(try stages("skip"))
    #expect(skipped.summary.exitCode == 0)
    #expect(skipped.trace == ["join"])  // the samples were done in the failed run
    let left = skipped.events.compactMap { if case .rejected(let id, let samples) = $0 { (id, samples) } else { nil } }
    #expect(left.map(\.0) == ["collect"])
    #expect(left.first.map { GateStatus.Finding.summary($0.1) } == "b (the file says BAD)")
    let text = try bench.output(skipped.summary, [], "join")
    #expect(text.contains("a/data.txt") && !text.contains("b/data.txt"))
    // Back to failing: a result with a bad sample does not count.
    let again = try await bench.run(try stages("fail"))
    #expect(again.summary.exitCode == 1)
  }

  @Test func aCrashingSampleIsNamed() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try bench.write("CRASH", bench.photos + "/b.txt")
    let run = try await bench.run([try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)])])
    #expect(run.failure("collect") == "sample `b`: the file says CRASH")
  }

  @Test func summaryTextsReachTheEndOfTheRun() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    let run = try await bench.run(try bench.chain())
    #expect(run.summary.texts.map(\.text) == ["lines: 2\n"])
    let second = try await bench.run(try bench.chain())
    #expect(second.summary.texts.map(\.text) == ["lines: 2\n"])
  }

  @Test func outputsArePublishedAndEditsDoNotReachTheStore() async throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1", "face 2"])
    try await bench.run(try bench.chain(), publish: .copy)
    let folder = bench.root + "/outputs/test"
    let path = folder + "/map/samples/data/face 1.txt"
    #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("photo face 1a"))
    #expect(try String(contentsOfFile: folder + "/join/table/summary.txt", encoding: .utf8) == "lines: 2\n")
    try bench.write("scribble", path)
    #expect(try bench.store.verify(threads: 1).isClean)
    // A removed sample disappears, a file of the user's own stays.
    try bench.write("mine", folder + "/map/samples/data/notes.txt")
    try FileManager.default.removeItem(atPath: bench.photos + "/face 2.txt")
    try await bench.run(try bench.chain(), publish: .copy)
    #expect(!FileManager.default.fileExists(atPath: folder + "/map/samples/data/face 2.txt"))
    #expect(FileManager.default.fileExists(atPath: folder + "/map/samples/data/notes.txt"))
  }

  @Test func targetsLimitTheRun() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let run = try await bench.run(try bench.chain(), targets: ["map"])
    #expect(run.trace == ["collect a", "mapa a"])
  }
}
