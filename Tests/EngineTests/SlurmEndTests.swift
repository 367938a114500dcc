import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 15 goes on: how jobs end, and what happens then.
extension SlurmTests {
  // MARK: - Jobs that end without a record

  @Test(arguments: [
    (
      "OUT_OF_MEMORY", "because memory ran out; it had asked for 2.0 GB", "raise `resources: { memory: ... }` on `join`"
    ),
    ("CANCELLED", "Slurm job 1 was cancelled on n1", "run the same command again to go on"),
    ("FAILED", "Slurm job 1 ended as FAILED (signal 9) on n1 and left no record", "scontrol show job 1"),
  ]) func anEndWithoutARecordIsAFailure(_ state: String, _ message: String, _ help: String) throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    let path = try bench.writePipeline(
      try joining(bench, fail: "hang", extra: ["resources": ["memory": 2_000_000_000]]), slurm.settings())
    let run = try bench.start(path)
    try wait("the job works") { bench.traceLines().contains("join") }
    slurm.end(1, as: state)
    let end = run.wait()
    #expect(end.status == 1)
    let failed = try #require(end.events("failed").first)
    #expect(failed["message"]?.stringValue?.contains(message) == true, "\(failed)")
    #expect(failed["help"]?.stringValue?.contains(help) == true, "\(failed)")
    #expect(failed["log"]?.stringValue.map { FileManager.default.fileExists(atPath: $0) } == true)
    #expect(slurm.jobs == 1)
  }

  /// What a controller has forgotten after `MinJobAge`, in the lines that Slurm 22.05.8 with slurmdbd gave for such jobs.
  @Test(arguments: [
    ("FAILED|0:9|n2", "Slurm job 1 ended as FAILED (signal 9) on n2 and left no record"),
    ("FAILED|5:0|n2", "Slurm job 1 ended as FAILED (exit code 5) on n2 and left no record"),
    ("CANCELLED by 0|0:0|n1", "Slurm job 1 was cancelled on n1"),
  ]) func whatTheQueueForgotStandsInTheAccounting(_ line: String, _ message: String) throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("account-1", line + "\n")
    let path = try bench.writePipeline(try joining(bench, fail: "hang"), slurm.settings())
    let run = try bench.start(path)
    try wait("the job works") { bench.traceLines().contains("join") }
    slurm.set("fault.squeue", "fail")
    slurm.end(1, as: "FAILED")
    try wait("it has ended") { slurm.jobState(1) == "FAILED" }
    slurm.forget(1)
    slurm.set("fault.squeue", nil)
    let end = run.wait()
    #expect(end.status == 1)
    let failed = try #require(end.events("failed").first)
    #expect(failed["message"]?.stringValue?.contains(message) == true, "\(failed)")
    #expect(slurm.calls("sacct").count >= 1)
  }

  @Test(arguments: ["NODE_FAIL", "PREEMPTED", "TIMEOUT", "forgotten"]) func workGoesOnInAnotherJob(_ state: String)
    throws
  {
    let expected = try reference(steps: 30, delay: 20)
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    let path = try bench.writePipeline(try training(bench, steps: 30, delay: 20), slurm.settings())
    let run = try bench.start(path)
    try wait("some steps") { steps(bench).count >= 5 }
    slurm.end(1, as: state == "forgotten" ? "FAILED" : state)
    if state == "forgotten" {
      try wait("it has ended") { slurm.jobState(1) == "FAILED" }
      slurm.forget(1)
    }
    let end = run.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(slurm.jobs == 2)
    #expect(try model(bench) == expected)
    #expect(steps(bench).count <= 31, "from the checkpoint")
  }

  @Test func aJobCancelledWhileNobodyWatchedIsSubmittedAnew() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    let path = try bench.writePipeline(try training(bench, steps: 20), slurm.settings())
    let run = try bench.start(path)
    try wait("some steps") { steps(bench).count >= 3 }
    run.kill(SIGKILL)
    _ = run.wait()
    slurm.end(1, as: "CANCELLED")
    try wait("it is cancelled") { slurm.jobState(1) == "CANCELLED" }
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(slurm.jobs == 2)
  }

  // MARK: - Wall-clock limits

  @Test func manyRoundsEndInTheSameBits() throws {
    let expected = try reference(steps: 40, delay: 20)
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("signal-after", "0.25")
    let path = try bench.writePipeline(try training(bench, steps: 40, delay: 20), slurm.settings())
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(try model(bench) == expected)
    #expect(steps(bench).count == 40, "no step twice")
    #expect(slurm.jobs == 1)
    #expect((end.events("job").compactMap { $0["restarts"]?.intValue }.max() ?? 0) >= 2)
  }

  /// The queue does not take jobs back: the runner submits them.
  @Test func roundsGoOnWhereRequeueingIsForbidden() throws {
    let expected = try reference(steps: 40, delay: 20)
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("signal-after", "0.25")
    slurm.set("fault.scontrol", "fail")
    let path = try bench.writePipeline(try training(bench, steps: 40, delay: 20), slurm.settings())
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(try model(bench) == expected)
    #expect(steps(bench).count == 40 && slurm.jobs >= 3)
  }

  @Test func roundsWithoutProgressComeToAnEnd() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("kill-after", "0.3")
    let path = try bench.writePipeline(try joining(bench, fail: "hang"), slurm.settings())
    let end = try bench.start(path).wait()
    #expect(end.status == 1)
    let failed = try #require(end.events("failed").first, "\(end.output)")
    #expect(failed["message"]?.stringValue?.contains("the last 3 rounds made no progress") == true, "\(failed)")
    #expect(failed["help"]?.stringValue?.contains("resources: { time: ... }") == true)
    #expect(slurm.jobs == 3)
  }

  @Test func aTimeLimitOfTheStageCancelsItsJob() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("hold", "")
    let path = try bench.writePipeline(try joining(bench, fail: "hang", extra: ["timeout": 0.5]), slurm.settings())
    let run = try bench.start(path)
    // Waiting in the queue does not count.
    try wait("it is queued") { slurm.jobs == 1 }
    usleep(700_000)
    #expect(slurm.jobState(1) == "PENDING")
    slurm.set("hold", nil)
    let end = run.wait()
    #expect(end.status == 1)
    #expect(
      end.events("failed").first?["message"]?.stringValue?.hasPrefix("ended after its time limit") == true,
      "\(end.output)")
    #expect(slurm.jobState(1) == "CANCELLED")
  }

  // MARK: - Time passes in the queue

  @Test func aProgramReplacedInTheMeantimeDoesNotServe() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("hold", "")
    let path = try bench.writePipeline(try training(bench), slurm.settings())
    let run = try bench.start(path)
    try wait("a job in the queue") { slurm.jobs == 1 && !slurm.jobFolder(1).isEmpty }
    // As an older program would have planned it.
    let job = slurm.jobFolder(1) + "/job.json"
    let text = try String(contentsOfFile: job, encoding: .utf8)
    try text.replacing("\"version\":1", with: "\"version\":0").write(toFile: job, atomically: true, encoding: .utf8)
    slurm.set("hold", nil)
    let end = run.wait()
    #expect(end.status == 1)
    #expect(
      end.events("failed").first?["message"]?.stringValue?.contains("the program was replaced") == true, "\(end.output)"
    )
    #expect(steps(bench) == [])
  }

  @Test func collectionKeepsWhatJobsRead() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("hold", "")
    let path = try bench.writePipeline(try training(bench), slurm.settings())
    let run = try bench.start(path)
    try wait("a job in the queue") { slurm.jobs == 1 }
    run.kill(SIGKILL)
    _ = run.wait()
    // Another run makes what the job reads yesterday's news.
    try bench.write("photo b", bench.photos + "/a.txt")
    #expect(try bench.start(try bench.writePipeline([try training(bench)[0]], to: "other.json")).wait().status == 0)
    let collected = try bench.store.collectGarbage(keepRuns: 0, grace: 0, dryRun: false)
    #expect(collected.results == 1, "the old result itself is not needed")
    slurm.set("hold", nil)
    try wait("the job has ended") { slurm.jobState(1) == "COMPLETED" }
    try bench.write("photo a", bench.photos + "/a.txt")
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(slurm.jobs == 1, "its result was made from what was kept")
  }
}
