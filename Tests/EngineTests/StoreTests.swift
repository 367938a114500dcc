import Basics
import Foundation
import Pipeline
import Testing

/// Guarantees 8 and 12: corruption is found and mended; collection keeps what is needed; trouble with the disk is told.
@Suite struct StoreTests {
  private func blobs(_ bench: Bench) throws -> [String] {
    let root = bench.root + "/.pipeline/blobs"
    return try FileManager.default.subpathsOfDirectory(atPath: root).map { root + "/" + $0 }.filter {
      (try? URL(fileURLWithPath: $0).resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
    }.sorted()
  }

  enum Damage: String, CaseIterable { case flip, truncate, swap, remove }

  private func damage(_ path: String, _ how: Damage, other: String) throws {
    var s = stat()
    stat(path, &s)
    chmod(path, 0o644)
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    switch how {
    case .flip: data[data.count / 2] ^= 1
    case .truncate: data = data.prefix(data.count / 2)
    case .swap: data = try Data(contentsOf: URL(fileURLWithPath: other))
    case .remove:
      try FileManager.default.removeItem(atPath: path)
      return
    }
    let fd = open(path, O_WRONLY | O_TRUNC)
    _ = data.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
    close(fd)
    // As if nothing had happened.
    var times = [s.st_atim, s.st_mtim]
    utimensat(AT_FDCWD, path, &times, 0)
    chmod(path, s.st_mode)
  }

  @Test(arguments: Damage.allCases) func damageToAnyFileIsFoundAndMended(_ how: Damage) async throws {
    let reference = try Bench()
    try reference.addPhotos(["a", "b"])
    let expected = try reference.output(try await reference.run(try reference.chain()).summary, [], "join")
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try bench.chain())
    let all = try blobs(bench)
    for (index, path) in all.enumerated() {
      try damage(path, how, other: all[(index + 1) % all.count])
      let report = try bench.store.verify(threads: 1)
      #expect(!report.damagedBlobs.isEmpty || how == .remove, "\(path)")
      let run = try await bench.run(try bench.chain())
      #expect(run.summary.exitCode == 0, "\(run.events.map(\.json.canonical))")
      #expect(try bench.output(run.summary, [], "join") == expected)
      let after = try bench.store.verify(threads: 1)
      #expect(after.damagedBlobs == [], "\(path)")
    }
  }

  @Test(arguments: Damage.allCases) func damageIsFoundOnUse(_ how: Damage) async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    let first = try await bench.run(try bench.chain())
    let expected = try bench.output(first.summary, [], "join")
    let result = try #require(try Inspection.latestResult("second", pipeline: "test", store: bench.store))
    let artifact = try bench.store.artifact(try #require(result.outputs["samples"]))
    let file = try #require(artifact.samples[0].files["data.txt"])
    let other = try #require(artifact.samples[1].files["data.txt"])
    try damage(file.url.path, how, other: other.url.path)
    // Only the last stage has to run; it finds that what it reads is damaged, and that is made again.
    let run = try await bench.run(try bench.chain(), force: ["join"])
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.filter { $0.hasPrefix("mapb") } == ["mapb a"])
    #expect(try bench.output(run.summary, [], "join") == expected)
  }

  @Test func damagedRecordsAreNoResults() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    try await bench.run(try bench.chain())
    let results = bench.root + "/.pipeline/results"
    for path in try FileManager.default.subpathsOfDirectory(atPath: results) where path.hasSuffix(".json") {
      var data = try Data(contentsOf: URL(fileURLWithPath: results + "/" + path))
      data[40] ^= 4
      try data.write(to: URL(fileURLWithPath: results + "/" + path))
    }
    let run = try await bench.run(try bench.chain())
    #expect(run.summary.exitCode == 0)
    #expect(run.trace == ["join"])  // samples have records of their own
  }

  @Test func collectionKeepsWhatIsNeeded() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try bench.chain(second: "old"))
    try await bench.run(try bench.chain(second: "new"))
    let store = bench.store
    // Young things stay, and nothing is removed unless told.
    #expect(try store.collectGarbage(keepRuns: 0, dryRun: false).blobs == 0)
    let wouldGo = try store.collectGarbage(keepRuns: 0, grace: -1, dryRun: true)
    #expect(wouldGo.blobs > 0)
    #expect(try store.verify(threads: 1).isClean)
    // Runs that are kept keep their results.
    #expect(try store.collectGarbage(keepRuns: 10, grace: -1, dryRun: true).results == 0)
    let runs = try store.runs()
    try store.pin("paper", keys: Array(try #require(runs.first).keys.values))
    #expect(try store.collectGarbage(keepRuns: 0, grace: -1, dryRun: true).results == 0)
    try store.unpin("paper")
    let gone = try store.collectGarbage(keepRuns: 0, grace: -1, dryRun: false)
    #expect(gone.blobs == wouldGo.blobs)
    #expect(try store.verify(threads: 1).isClean)
    let again = try await bench.run(try bench.chain(second: "new"))
    #expect(again.trace == [])
    let back = try await bench.run(try bench.chain(second: "old"))
    #expect(back.trace == ["join", "mapold a", "mapold b"])
  }

  /// A run at work stands on results that are older than itself and belong to no kept run: they stay.
  @Test func collectionKeepsWhatAnActiveRunStandsOn() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    func stages(_ add: String, delay: Int) throws -> [StageInstance] {
      var all = try Array(bench.chain(add: add).prefix(3))
      all.append(
        try bench.stage(
          "train", "toy.train", ["steps": 60, "delay": .int(delay)], inputs: ["in": ["second.samples"]], seed: 1))
      return all
    }
    try await bench.run(try stages("old", delay: 0))
    try await bench.run(try stages("new", delay: 0))
    // Back to the old parameter: everything up to the training is found again.
    let path = try bench.writePipeline(try stages("old", delay: 50), ["publish": false])
    let run = try bench.start(path)
    for _ in 0..<2000 {
      if bench.traceLines().contains("step 30") { break }
      usleep(10_000)
    }
    #expect(bench.traceLines().contains("step 30"))
    let report = try bench.store.collectGarbage(keepRuns: 0, grace: -1, dryRun: false)
    #expect(report.results > 0)  // what only the new parameter needed
    #expect(run.wait().status == 0)
    #expect(try bench.store.verify(threads: 1).isClean)
    let again = try await bench.run(try stages("old", delay: 50))
    #expect(again.trace == [])
  }

  @Test func resultsTravelBetweenStores() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try bench.chain())
    let shared = Store(root: bench.root + "/shared", durable: false)
    let pushed = try shared.copyResults(from: bench.store)
    #expect(pushed.results == 4)
    #expect(try shared.copyResults(from: bench.store).results == 0)
    try FileManager.default.removeItem(atPath: bench.root + "/.pipeline")
    // One file on the other side is damaged: what needs it is left out.
    let file = try #require(try blobs(other: bench.root + "/shared").first { size($0) < 30 })
    try damage(file, .flip, other: file)
    let pulled = try bench.store.copyResults(from: shared)
    #expect(pulled.skipped > 0)
    #expect(try bench.store.verify(threads: 1).isClean)
    let run = try await bench.run(try bench.chain())
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.count < 7)
  }

  private func size(_ path: String) -> Int { (try? Data(contentsOf: URL(fileURLWithPath: path)).count) ?? .max }

  private func blobs(other root: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: root + "/blobs").map { root + "/blobs/" + $0 }.filter {
      var s = stat()
      return stat($0, &s) == 0 && s.st_mode & S_IFMT == S_IFREG
    }.sorted()
  }

  /// A file system of 300 kB; only root can mount one.
  @Test(.enabled(if: Bench.canMount, "mounting is not allowed here")) func aFullDiskIsToldAndMended()
    async throws
  {
    let bench = try Bench()
    let place = bench.root + "/.pipeline"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try #require(mount("tmpfs", place, "tmpfs", 0, "size=300k") == 0)
    defer { umount2(place, Int32(MNT_DETACH)) }
    try bench.write(String(repeating: "x", count: 120_000), bench.photos + "/a.txt")
    try bench.write(String(repeating: "y", count: 120_000), bench.photos + "/b.txt")
    let path = try bench.writePipeline(try bench.chain(), ["publish": false])
    let full = try bench.start(path).wait()
    #expect(full.status == 1)
    #expect(full.output.contains("No space left on device"))
    #expect(mount("tmpfs", place, "tmpfs", UInt(MS_REMOUNT), "size=8m") == 0)
    let mended = try bench.start(path).wait()
    #expect(mended.status == 0, "\(mended.output)")
    #expect(try bench.store.verify(threads: 1).isClean)
  }

  @Test func theStoreIsFoundAsDocumented() throws {
    let bench = try Bench()
    let file = bench.root + "/project/pipelines/full.yaml"
    try bench.write("", file)
    func place(_ explicit: String? = nil, _ environment: String? = nil) -> String {
      Store.location(explicit: explicit, environment: environment, pipelineFile: file)
    }
    #expect(place() == bench.root + "/project/pipelines/.pipeline" || place().hasSuffix("/.pipeline"))
    try bench.write("", bench.root + "/project/.git/HEAD")
    #expect(place() == bench.root + "/project/.pipeline")
    try bench.write("", bench.root + "/.pipeline/format")
    #expect(place() == bench.root + "/.pipeline")
    #expect(place(nil, "/env/store") == "/env/store")
    #expect(place("/explicit", "/env/store") == "/explicit")
  }
}
