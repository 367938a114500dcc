import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 15, against stand-ins for Slurm's programs: every kind of trouble, at every moment.
@Suite(.serialized, .timeLimit(.minutes(20))) struct SlurmTests {
  func training(_ bench: Bench, steps: Int = 12, delay: Int = 20, extra: [String: JSON] = [:]) throws
    -> [StageInstance]
  {
    [
      try bench.stage(
        "collect", "toy.collect", ["folder": .string(bench.photos)], extra: ["resources": ["executor": "local"]]),
      try bench.stage(
        "train", "toy.train", ["steps": .int(steps), "delay": .int(delay)], inputs: ["in": ["collect.samples"]],
        seed: 7,
        extra: extra),
    ]
  }

  func joining(_ bench: Bench, fail: String, extra: [String: JSON] = [:]) throws -> [StageInstance] {
    [
      try bench.stage(
        "collect", "toy.collect", ["folder": .string(bench.photos)], extra: ["resources": ["executor": "local"]]),
      try bench.stage("join", "toy.join", ["fail": .string(fail)], inputs: ["in": ["collect.samples"]], extra: extra),
    ]
  }

  func model(_ bench: Bench) throws -> String {
    let result = try #require(try Inspection.latestResult("train", pipeline: "test", store: bench.store))
    let artifact = try bench.store.artifact(try #require(result.outputs["table"]))
    return String(decoding: try bench.store.data(try #require(artifact.files["model.txt"]).digest), as: UTF8.self)
  }

  /// The bits of a training that nothing interrupts, on this machine.
  func reference(steps: Int = 12, delay: Int = 20) throws -> String {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(try training(bench, steps: steps, delay: delay))
    #expect(try bench.start(path).wait().status == 0)
    return try model(bench)
  }

  func wait(_ what: String, _ condition: () -> Bool) throws {
    for _ in 0..<6000 {
      if condition() { return }
      usleep(10_000)
    }
    throw StageFailure("a minute passed without this: \(what)")
  }

  func steps(_ bench: Bench) -> [String] { bench.traceLines().filter { $0.hasPrefix("step") } }

  // MARK: - The usual

  @Test func jobsGiveWhatALocalRunGives() throws {
    let plain = try Bench()
    try plain.addPhotos(["a", "b"])
    #expect(try plain.start(try plain.writePipeline(try plain.chain())).wait().status == 0)
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    let slurm = try FakeSlurm(bench)
    let stages = try bench.chain()
    let path = try bench.writePipeline(stages, slurm.settings())
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    for stage in stages {
      let digests = try [plain, bench].map {
        try Inspection.latestResult(stage.id, pipeline: "test", store: $0.store)?.outputs.mapValues(\.digest)
      }
      #expect(digests[0] != nil && digests[0] == digests[1], "\(stage.id)")
    }
    #expect(slurm.jobs == 4)
    let places = end.events("job").filter { $0["stage"]?.stringValue == "join" }
    #expect(places.first?["state"]?.stringValue == "PENDING" && places.last?["state"]?.stringValue == "RUNNING")
    #expect(places.last?["node"]?.stringValue == "n1" && places.last?["job"]?.stringValue == "4")
    // Nothing stays but the log, in the run.
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.root + "/.pipeline/slurm") == [])
    let run = try #require(try bench.store.runs().last)
    #expect(FileManager.default.fileExists(atPath: run.logPath("join")))
    #expect(try bench.start(path).wait().status == 0)
    #expect(slurm.jobs == 4)
  }

  @Test func resourcesAndSettingsReachTheQueue() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    let resources: JSON = ["cpus": 3, "memory": 1_000_000_000, "gpus": 2, "time": 90_061.0]
    let path = try bench.writePipeline(
      try training(bench, steps: 1, extra: ["resources": resources]),
      slurm.settings(["partition": "big", "signal": 120, "arguments": ["--exclusive", "--nice=5"]]))
    #expect(try bench.start(path).wait().status == 0)
    let calls = slurm.calls("sbatch")
    #expect(calls.count == 1, "the small stage stays out of the queue")
    let key = try #require(try Inspection.latestResult("train", pipeline: "test", store: bench.store)).key.hex
    for word in [
      "--parsable", "--job-name=\(key)", "--comment=test: train", "--requeue", "--open-mode=append",
      "--cpus-per-task=3",
      "--mem=954M", "--gres=gpu:2", "--time=1-01:01:01", "--signal=B:USR2@120", "--partition=big",
      "--exclusive --nice=5",
    ] { #expect(calls.first?.contains(" \(word) ") == true, "\(word) in \(calls)") }
  }

  @Test func noMoreJobsThanAllowedAreInTheQueue() throws {
    let bench = try Bench()
    let slurm = try FakeSlurm(bench)
    let stages = try (1...7).map { try bench.stage("s\($0)", "toy.step", ["add": .string("\($0)"), "delay": 150]) }
    let path = try bench.writePipeline(stages, slurm.settings(["max_jobs": 3]))
    #expect(try bench.start(path).wait().status == 0)
    #expect(slurm.jobs == 7 && slurm.most == 3)
  }

  @Test func secretsAreInNoFileThatOthersCanRead() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("hold", "")
    let path = try bench.writePipeline(
      [try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)])],
      slurm.settings().merging(["remote": "http://me:geheim@127.0.0.1:9/cache"]) { $1 })
    let run = try bench.start(path)
    try wait("a job in the queue") { slurm.jobs == 1 && !slurm.jobFolder(1).isEmpty }
    var holders: [String] = []
    for place in [slurm.jobFolder(1), bench.root + "/.pipeline/runs"] {
      for name in try FileManager.default.subpathsOfDirectory(atPath: place) {
        let file = place + "/" + name
        guard let text = try? String(contentsOfFile: file, encoding: .utf8), text.contains("geheim") else { continue }
        var found = stat()
        stat(file, &found)
        #expect(found.st_mode & 0o077 == 0, "\(file)")
        holders.append(name)
      }
    }
    #expect(holders == ["launch.sh"])
    slurm.set("hold", nil)
    let end = run.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(!end.output.contains("geheim"))
  }

  // MARK: - The runner dies, or several are at work

  /// At every operation on the file system, of which the submission is a part: nothing is submitted twice, nothing is lost.
  @Test func aRunnerKilledAnywhereSubmitsOnce() throws {
    let first = try Bench(durable: true)
    try first.addPhotos(["a"])
    let counts = first.root + "/counts"
    func stages(_ bench: Bench) throws -> [StageInstance] {
      [try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)])]
    }
    let slurm = try FakeSlurm(first)
    let path = try first.writePipeline(
      try stages(first), slurm.settings(["poll": 0.05]).merging(["publish": false]) { $1 })
    #expect(try first.start(path, options: ["--count", counts]).wait().status == 0)
    let most = try #require(Int(try String(contentsOfFile: counts, encoding: .utf8).split(separator: "\n").first ?? ""))
    #expect(most > 30)
    var adopted = 0
    var late = 0
    for n in 1...most {
      let bench = try Bench(durable: true)
      try bench.addPhotos(["a"])
      let slurm = try FakeSlurm(bench)
      let path = try bench.writePipeline(
        try stages(bench), slurm.settings(["poll": 0.05]).merging(["publish": false]) { $1 })
      let killed = try bench.start(path, options: ["--fault", "\(n)"]).wait()
      let before = slurm.jobs
      let second = try bench.start(path).wait()
      #expect(second.status == 0, "after a kill at operation \(n): \(second.output)")
      #expect(slurm.jobs == 1, "after a kill at operation \(n): \(second.output)")
      #expect(bench.traceLines() == ["collect a"], "after a kill at operation \(n)")
      if killed.status == 137, before == 1 { adopted += 1 }
      if killed.status == 137, before == 0 { late += 1 }
    }
    // Kills on both sides of sbatch.
    #expect(adopted > 5 && late > 5)
  }

  /// `sbatch` outlives the runner and submits a second later, or the runner dies before it hears the id.
  @Test(arguments: ["orphan", "orphaned"]) func aRunnerThatDiesInSbatchSubmitsOnce(_ fault: String) throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("fault.sbatch", fault)
    let path = try bench.writePipeline(try training(bench), slurm.settings(["timeout": 10.0]))
    #expect(try bench.start(path).wait().status == 128 + SIGKILL)
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(slurm.jobs == 1, "\(end.output)")
    #expect(end.events("job").contains { $0["adopted"]?.boolValue == true })
    #expect(steps(bench).count == 12)
  }

  @Test func jobsOutliveARunnerAndAreAdopted() throws {
    let expected = try reference(steps: 60, delay: 20)
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    let path = try bench.writePipeline(try training(bench, steps: 60, delay: 20), slurm.settings())
    for signal in [SIGKILL, SIGINT] {
      let before = steps(bench).count
      let run = try bench.start(path)
      try wait("work goes on") { steps(bench).count >= before + 5 }
      run.kill(signal)
      let end = run.wait()
      #expect(end.status == 128 + signal)
      if signal == SIGINT {
        let note = end.events("note").compactMap { $0["message"]?.stringValue }.joined()
        #expect(note.contains("goes on in Slurm") && note.contains("scancel 1"), "\(end.output)")
      }
      #expect(slurm.jobState(1) == "RUNNING")
    }
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(end.events("job").allSatisfy { $0["adopted"]?.boolValue == true && $0["job"]?.stringValue == "1" })
    #expect(slurm.jobs == 1 && steps(bench).count == 60)
    #expect(try model(bench) == expected)
  }

  /// The run ends once the id is noted.
  @Test func aSignalDuringTheSubmissionLosesNothing() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("fault.sbatch", "slow")
    slurm.set("hold", "")
    let path = try bench.writePipeline(try training(bench), slurm.settings(["timeout": 10.0]))
    let run = try bench.start(path)
    try wait("sbatch has begun") { !slurm.calls("sbatch").isEmpty }
    run.kill(SIGINT)
    #expect(run.wait().status == 128 + SIGINT)
    #expect(slurm.jobs == 1)
    #expect(FileManager.default.fileExists(atPath: slurm.jobFolder(1) + "/id.json"))
    slurm.set("hold", nil)
    let end = try bench.start(path).wait()
    #expect(end.status == 0 && slurm.jobs == 1, "\(end.output)")
  }

  @Test func aFailureThatNobodySawIsToldAndThenTriedAgain() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("hold", "")
    let path = try bench.writePipeline(try joining(bench, fail: "always"), slurm.settings())
    let run = try bench.start(path)
    try wait("a job in the queue") { slurm.jobs == 1 }
    run.kill(SIGKILL)
    _ = run.wait()
    slurm.set("hold", nil)
    try wait("the job has ended") { slurm.jobState(1) == "COMPLETED" }
    let told = try bench.start(path).wait()
    #expect(told.status == 1 && slurm.jobs == 1)
    #expect(told.events("failed").count == 1, "\(told.output)")
    let again = try bench.start(path).wait()
    #expect(again.status == 1 && slurm.jobs == 2)
  }

  @Test func severalRunnersSubmitOnce() throws {
    let bench = try Bench()
    try bench.addPhotos((1...3).map { "face \($0)" })
    let slurm = try FakeSlurm(bench)
    let path = try bench.writePipeline(try bench.chain(), slurm.settings().merging(["publish": false]) { $1 })
    let runs = try (0..<6).map { _ in try bench.start(path) }
    for run in runs {
      let end = run.wait()
      #expect(end.status == 0, "\(end.output)")
    }
    #expect(slurm.jobs == 4)
    #expect(bench.traceLines().count == 3 * 3 + 1 && Set(bench.traceLines()).count == 3 * 3 + 1)
  }

  // MARK: - Slurm is silent, or talks nonsense

  @Test(arguments: ["fail", "garbage", "hang"]) func silenceMeansUnknown(_ fault: String) throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("hold", "")
    let path = try bench.writePipeline(try training(bench), slurm.settings(["timeout": 0.5]))
    let run = try bench.start(path)
    try wait("a job in the queue") { slurm.jobs == 1 }
    slurm.set("fault.squeue", fault)
    let said = "Slurm does not answer"
    try wait("it is told") { run.output.contains(said) }
    let calls = slurm.calls("squeue").count
    try wait("more looks") { slurm.calls("squeue").count > calls + 5 }
    slurm.set("fault.squeue", nil)
    try wait("it is told that all is well") { run.output.contains("Slurm answers again") }
    slurm.set("hold", nil)
    let end = run.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(end.output.components(separatedBy: said).count == 2, "told once: \(end.output)")
    #expect(slurm.jobs == 1)
  }

  /// The queue never answers; the job's own record is enough.
  @Test(arguments: ["fail", "hang"]) func theRecordIsEnough(_ fault: String) throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("fault.squeue", fault)
    slurm.set("fault.scontrol", fault)
    let path = try bench.writePipeline(try training(bench), slurm.settings(["timeout": 0.5]))
    #expect(try bench.start(path).wait().status == 0)
    #expect(slurm.jobs == 1)
  }

  /// Not submitted at first, submitted though the answer says otherwise, or with an answer that says too much or nothing.
  @Test(arguments: ["once", "lost", "chatty", "mute"]) func anUnclearAnswerIsCleared(_ fault: String) throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("fault.sbatch", fault)
    let path = try bench.writePipeline(try training(bench, steps: 40), slurm.settings())
    let end = try bench.start(path).wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(slurm.jobs == 1 && steps(bench).count == 40)
    #expect(slurm.calls("sbatch").count == (fault == "once" ? 2 : 1))
  }

  @Test func aRefusalIsAFailureWithItsReason() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let slurm = try FakeSlurm(bench)
    slurm.set("fault.sbatch", "refuse")
    let path = try bench.writePipeline(try training(bench), slurm.settings())
    let end = try bench.start(path).wait()
    #expect(end.status == 1)
    let failed = try #require(end.events("failed").first)
    #expect(failed["message"]?.stringValue?.contains("Invalid partition name specified") == true)
    #expect(failed["help"]?.stringValue?.contains("settings.slurm") == true)
    slurm.set("fault.sbatch", nil)
    #expect(try bench.start(path).wait().status == 0)
  }
}
