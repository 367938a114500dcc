import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 15 against a real Slurm: a throw-away cluster of two nodes on this machine, one for each test.
@Suite(
  .serialized, .timeLimit(.minutes(20)),
  .enabled(if: SlurmCluster.isPossible, "needs SHARED_DIR/tools/slurm-test-cluster, slurmctld, slurmd and munged"))
struct SlurmClusterTests {
  private let settings: JSON = ["poll": 1, "tail": 0.1, "grace": 3, "settle": 3]

  private func training(_ bench: Bench, steps: Int, delay: Int, time: Double = 600) throws -> [StageInstance] {
    [
      try bench.stage(
        "collect", "toy.collect", ["folder": .string(bench.photos)], extra: ["resources": ["executor": "local"]]),
      try bench.stage(
        "train", "toy.train", ["steps": .int(steps), "delay": .int(delay)], inputs: ["in": ["collect.samples"]],
        seed: 7,
        extra: ["resources": ["cpus": 1, "memory": 500_000_000, "time": .double(time)]]),
    ]
  }

  private func model(_ bench: Bench) throws -> String {
    let result = try #require(try Inspection.latestResult("train", pipeline: "test", store: bench.store))
    let artifact = try bench.store.artifact(try #require(result.outputs["table"]))
    return String(decoding: try bench.store.data(try #require(artifact.files["model.txt"]).digest), as: UTF8.self)
  }

  /// The bits of a training that nothing interrupts, on this machine; waiting changes none of them.
  private func reference(steps: Int) throws -> String {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    #expect(
      try bench.start(try bench.writePipeline(try training(bench, steps: steps, delay: 0))).wait().status == 0)
    return try model(bench)
  }

  private func wait(_ what: String, _ condition: () -> Bool) throws {
    for _ in 0..<6000 {
      if condition() { return }
      usleep(10_000)
    }
    throw StageFailure("a minute passed without this: \(what)")
  }

  private func steps(_ bench: Bench) -> Int { bench.traceLines().count { $0.hasPrefix("step") } }

  @Test func jobsGiveWhatALocalRunGives() throws {
    let cluster = try SlurmCluster()
    let plain = try Bench()
    try plain.addPhotos(["a", "b"])
    #expect(try plain.start(try plain.writePipeline(try plain.chain())).wait().status == 0)
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    let stages = try bench.chain()
    let path = try bench.writePipeline(stages, ["slurm": settings, "publish": false])
    // Two runs at once share their jobs.
    let runs = try (0..<2).map { _ in try bench.start(path, environment: cluster.environment) }
    for run in runs {
      let end = run.wait()
      #expect(end.status == 0, "\(end.output)")
    }
    for stage in stages {
      let digests = try [plain, bench].map {
        try Inspection.latestResult(stage.id, pipeline: "test", store: $0.store)?.outputs.mapValues(\.digest)
      }
      #expect(digests[0] != nil && digests[0] == digests[1], "\(stage.id)")
    }
    #expect(cluster.jobs().count == 4, "\(cluster.jobs())")
  }

  @Test func jobsOutliveARunnerAndAControllerThatIsAway() throws {
    let expected = try reference(steps: 50)
    let cluster = try SlurmCluster()
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(
      try training(bench, steps: 50, delay: 100), ["slurm": settings, "publish": false])
    let first = try bench.start(path, environment: cluster.environment)
    try wait("some steps") { steps(bench) >= 5 }
    first.kill(SIGKILL)
    _ = first.wait()
    let second = try bench.start(path, environment: cluster.environment)
    try wait("the job is adopted") { second.output.contains(#""adopted":true"#) }
    try cluster.tool("down", "slurmctld")
    try wait("the silence is told") { second.output.contains("Slurm does not answer") }
    try cluster.tool("up", "slurmctld")
    let end = second.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(try model(bench) == expected)
    #expect(steps(bench) == 50)
    #expect(cluster.jobs().count == 1, "\(cluster.jobs())")
  }

  @Test func aNodeThatDiesDoesNotEndTheWork() throws {
    let expected = try reference(steps: 40)
    let cluster = try SlurmCluster()
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(
      try training(bench, steps: 40, delay: 50), ["slurm": settings, "publish": false])
    let run = try bench.start(path, environment: cluster.environment)
    try wait("some steps") { steps(bench) >= 5 }
    let node = try #require(cluster.jobs().first?.node)
    try cluster.tool("down", node)
    cluster.command("scontrol", "update", "nodename=\(node)", "state=down", "reason=test")
    let end = run.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(try model(bench) == expected)
    #expect(steps(bench) <= 41, "from the checkpoint")
    #expect(Set(end.events("job").compactMap { $0["node"]?.stringValue }.filter { !$0.isEmpty }).count == 2)
  }

  /// The controller looks at the limits of jobs every thirty seconds; the work takes a little longer.
  @Test func aWallClockLimitSavesAndGoesOn() throws {
    let expected = try reference(steps: 330)
    let cluster = try SlurmCluster()
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(
      try training(bench, steps: 330, delay: 100, time: 60), ["slurm": settings, "publish": false])
    let end = try bench.start(path, environment: cluster.environment).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(end.output.contains("reached its wall-clock limit"), "\(end.output)")
    #expect((end.events("job").compactMap { $0["restarts"]?.intValue }.max() ?? 0) >= 1)
    #expect(try model(bench) == expected)
    #expect(steps(bench) == 330, "no step twice")
    #expect(cluster.jobs().count == 1)
  }

  @Test(arguments: [
    ("swell", "because memory ran out; it had asked for 100.0 MB", "raise `resources: { memory: ... }`"),
    ("hang", "was cancelled", "run the same command again"),
  ]) func whatEndsAJobIsTold(_ fail: String, _ message: String, _ help: String) throws {
    let cluster = try SlurmCluster()
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(
      [
        try bench.stage(
          "collect", "toy.collect", ["folder": .string(bench.photos)], extra: ["resources": ["executor": "local"]]),
        try bench.stage(
          "join", "toy.join", ["fail": .string(fail)], inputs: ["in": ["collect.samples"]],
          extra: ["resources": ["memory": 100_000_000]]),
      ], ["slurm": settings, "publish": false])
    let run = try bench.start(path, environment: cluster.environment)
    try wait("the job works") { bench.traceLines().contains("join") }
    if fail == "hang" { cluster.command("scancel", "1") }
    let end = run.wait()
    #expect(end.status == 1)
    let failed = try #require(end.events("failed").first, "\(end.output)")
    #expect(failed["message"]?.stringValue?.contains(message) == true, "\(failed)")
    #expect(failed["help"]?.stringValue?.contains(help) == true, "\(failed)")
  }
}
