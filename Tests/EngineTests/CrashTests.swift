import Basics
import Foundation
import Pipeline
import Testing

/// Guarantees 5, 6 and 7: nothing is half there whatever ends a process; work goes on where it was; runs may overlap.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CrashTests {
  private func finalText(_ bench: Bench) throws -> String {
    let result = try Inspection.latestResult("join", pipeline: "test", store: bench.store)
    guard let reference = result?.outputs["table"], let file = try bench.store.artifact(reference).files["table.txt"]
    else {
      return ""
    }
    return String(decoding: try bench.store.data(file.digest), as: UTF8.self)
  }

  /// A stage of each kind; each run starts two workers only, because there are hundreds of runs.
  private func short(_ bench: Bench) throws -> [StageInstance] {
    [
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage("join", "toy.join", inputs: ["in": ["collect.samples"]]),
    ]
  }

  /// Every operation on the file system of the runner and of the workers of both kinds of stage, one after the other; of the
  /// runner also where it publishes by links.
  @Test(arguments: ["runner", "linking runner", "collect", "join"])
  func aKillAtEveryOperationIsHarmless(_ victim: String) throws {
    let isRunner = victim.hasSuffix("runner")
    let extra: [String: JSON] = victim == "linking runner" ? ["publish": "link"] : [:]
    let reference = try Bench(durable: true)
    try reference.addPhotos(["face 1", "face 2"])
    let counts = reference.root + "/counts"
    let path = try reference.writePipeline(try short(reference), extra)
    #expect(try reference.start(path, options: ["--count", counts]).wait().status == 0)
    let expected = try finalText(reference)
    #expect(expected.contains("face 2/data.txt"))
    let published = "/outputs/test/collect/samples/data/face 2.txt"
    #expect(Self.links(reference.root + published) == (extra.isEmpty ? 1 : 2))
    let file = isRunner ? counts : counts + ".worker"
    let numbers = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").compactMap { Int($0) }
    let most = try #require(numbers.max())
    #expect(most > 15)
    var killed = 0
    for n in 1...most {
      let bench = try Bench(durable: true)
      try bench.addPhotos(["face 1", "face 2"])
      let path = try bench.writePipeline(try short(bench), extra)
      let options =
        isRunner ? ["--fault", "\(n)"] : ["--worker-fault", "\(n)", "--fault-stage", victim]
      let first = try bench.start(path, options: options).wait()
      if first.status != 0 { killed += 1 }
      let second = try bench.start(path).wait()
      #expect(second.status == 0, "after a kill at operation \(n) of the \(victim): \(second.output)")
      #expect(try finalText(bench) == expected, "after a kill at operation \(n) of the \(victim)")
      let report = try bench.store.verify(threads: 1)
      #expect(report.isClean, "after a kill at operation \(n) of the \(victim): \(report)")
      let file = try? String(contentsOfFile: bench.root + published, encoding: .utf8)  // not there: not published
      #expect(file == "photo face 2", "after a kill at operation \(n) of the \(victim)")
      let names = (extra.isEmpty ? 1 : 2) + Self.unfinished(beside: bench.root + published)
      #expect(Self.links(bench.root + published) == names, "after a kill at operation \(n) of the \(victim)")
    }
    #expect(killed > 10)
  }

  /// How many names a file has.
  private static func links(_ path: String) -> Int {
    var found = stat()
    return stat(path, &found) == 0 ? Int(found.st_nlink) : 0
  }

  /// Further names of a published file that a kill left beside it, before it was renamed into place.
  private static func unfinished(beside path: String) -> Int {
    func inode(_ path: String) -> UInt? {
      var found = stat()
      return stat(path, &found) == 0 ? UInt(found.st_ino) : nil
    }
    let folder = (path as NSString).deletingLastPathComponent
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []  // not there: none
    return names.filter { $0.hasPrefix(".part-") && inode(folder + "/" + $0) == inode(path) }.count
  }

  @Test func trainingGoesOnAfterKillsWithTheSameBits() throws {
    func stages(_ bench: Bench, delay: Int) throws -> [StageInstance] {
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage(
          "join", "toy.train", ["steps": 20, "delay": .int(delay)], inputs: ["in": ["collect.samples"]], seed: 7),
      ]
    }
    func model(_ bench: Bench) throws -> String {
      let result = try #require(try Inspection.latestResult("join", pipeline: "test", store: bench.store))
      let artifact = try bench.store.artifact(try #require(result.outputs["table"]))
      return String(decoding: try bench.store.data(try #require(artifact.files["model.txt"]).digest), as: UTF8.self)
    }
    let plain = try Bench()
    try plain.addPhotos(["a"])
    let path = try plain.writePipeline(try stages(plain, delay: 0))
    #expect(try plain.start(path).wait().status == 0)

    let bench = try Bench()
    try bench.addPhotos(["a"])
    // The delay is a parameter and would enter the key: both wait the same way in what is compared.
    let slow = try bench.writePipeline(try stages(bench, delay: 30))
    for round in 0..<3 {
      let run = try bench.start(slow)
      let before = bench.traceLines().count
      try wait { bench.traceLines().count >= before + 3 }
      // Kill the runner, or the worker, with all that is left of them.
      if round == 1 {
        let worker = try #require(bench.workers(of: run.pid).first)
        kill(worker, SIGKILL)
      } else {
        run.kill(SIGKILL)
      }
      #expect(run.wait().status != 0)
    }
    #expect(try bench.start(slow).wait().status == 0)
    #expect(try model(bench) == model(plain))
    // No step was taken twice, except the one at each kill.
    #expect(bench.traceLines().filter { $0.hasPrefix("step") }.count <= 20 + 3)
  }

  /// Waits for something that other processes do; gives up after a minute.
  private func wait(_ condition: () -> Bool) throws {
    for _ in 0..<12_000 {
      if condition() { return }
      usleep(5_000)
    }
    throw StageFailure("nothing happened for a minute")
  }

  @Test func twentyRunsAtOnceDoEachThingOnce() throws {
    let bench = try Bench()
    try bench.addPhotos((1...6).map { "face \($0)" })
    let path = try bench.writePipeline(try bench.chain(), ["publish": false])
    let runs = try (0..<20).map { _ in try bench.start(path) }
    var ran = 0
    for run in runs {
      let end = run.wait()
      #expect(end.status == 0, "\(end.output)")
      let counts = ["ran", "made_elsewhere", "up_to_date"].map { end.events("run_finished").first?[$0]?.intValue ?? 0 }
      #expect(counts.reduce(0, +) == 4, "\(end.output)")
      ran += counts[0]
    }
    #expect(ran == 4)
    #expect(bench.traceLines().count == 6 * 3 + 1)
    #expect(Set(bench.traceLines()).count == 6 * 3 + 1)
    #expect(try bench.store.verify(threads: 2).isClean)
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalLetsStagesSaveTheirWork(_ signal: Int32) throws {
    let bench = try Bench()
    try bench.addPhotos((1...30).map { "face \($0)" })
    let path = try bench.writePipeline([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos), "delay": 40])
    ])
    let run = try bench.start(path)
    try wait { bench.traceLines().count >= 4 }
    run.kill(signal)
    let end = run.wait()
    #expect(end.status == 128 + signal)
    #expect(end.events("stopped").count == 1)
    let done = bench.traceLines().count
    #expect(done < 30)
    #expect(try bench.start(path).wait().status == 0)
    // What was done before the signal is not done again.
    #expect(bench.traceLines().count == 30)
  }

  @Test func aSecondSignalStopsAtOnce() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage("join", "toy.join", ["fail": "hang"], inputs: ["in": ["collect.samples"]]),
    ])
    let run = try bench.start(path)
    try wait { bench.traceLines().contains("join") }
    run.kill(SIGINT)
    usleep(100_000)
    run.kill(SIGINT)
    #expect(run.wait().status == 130)
  }
}
