import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 9: what happens to the user's files while and between they are read.
@Suite struct InputTests {
  private func key(_ bench: Bench) throws -> Digest {
    let instance = try bench.stage("read", "toy.read", ["folder": .string(bench.photos)])
    let found = try Inspection.explain(
      "read", in: bench.pipeline([instance]), store: bench.store, options: PlanOptions(outputsFolder: bench.root))
    return try #require(found.key)
  }

  private func setModified(_ path: String, _ seconds: Int) {
    var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    utimensat(AT_FDCWD, path, &times, 0)
  }

  @Test func sameSizeEditsWithRestoredTimesAreNoticed() throws {
    let bench = try Bench()
    try bench.store.prepare()
    let path = bench.photos + "/a.txt"
    var seen: Set<Digest> = []
    for round in 0..<1000 {
      let fd = open(path, O_WRONLY | O_CREAT, 0o644)
      let bytes = Array(String(format: "%04d", round).utf8)
      _ = pwrite(fd, bytes, bytes.count, 0)
      close(fd)
      setModified(path, 1_000_000)
      #expect(seen.insert(try key(bench)).inserted, "round \(round)")
    }
  }

  @Test func aRememberedDigestIsDroppedWhenTheFileChanges() async throws {
    let bench = try Bench()
    try bench.store.prepare()
    let path = bench.photos + "/a.txt"
    try bench.write("one", path)
    setModified(path, 1_000_000)
    // Long enough ago for the digest to be remembered.
    try await Task.sleep(for: .milliseconds(2200))
    let first = try key(bench)
    let store = bench.store
    let instance = try bench.stage("read", "toy.read", ["folder": .string(bench.photos)])
    _ = try Inspection.plan(bench.pipeline([instance]), store: store, options: PlanOptions(outputsFolder: bench.root))
    #expect(store.statCache.filesHashed == 0)
    let fd = open(path, O_WRONLY)
    _ = pwrite(fd, [UInt8]("two".utf8), 3, 0)
    close(fd)
    setModified(path, 1_000_000)
    #expect(try key(bench) != first)
  }

  @Test(arguments: [-1, 0, 1, 4_102_444_800]) func oddTimesChangeNothing(_ seconds: Int) async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try bench.chain())
    setModified(bench.photos + "/a.txt", seconds)
    let again = try await bench.run(try bench.chain())
    #expect(again.trace == [])
  }

  @Test func aFileEditedWhileItIsReadIsNotCached() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    try bench.write("made", bench.results + "/a.txt")
    let stages = [
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage(
        "gate", "toy.gate", ["folder": .string(bench.results), "fail": "edit"], inputs: ["photos": ["collect.samples"]],
        extra: ["gate": ["approve": "automatic", "coverage": 1.0, "message": ""]]),
    ]
    let run = try await bench.run(stages)
    #expect(run.summary.exitCode == 1)
    #expect(run.failure("gate")?.contains("a.txt was changed while it was in use") == true)
    // It looked again each time, and kept nothing.
    #expect(run.trace.filter { $0 == "gate a" }.count > 1)
    #expect(try Inspection.latestResult("gate", pipeline: "test", store: bench.store) == nil)
  }

  @Test func oddNamesComeThrough() async throws {
    let bench = try Bench()
    let names = [
      "-rf", "a b", "1 (20)_face", "x[1]", "emoji 😀", "line\nbreak", "Case", "case", "quote\"'", "tab\there", "%2f",
      "~",
      String(repeating: "l", count: 251), "back\\slash", "日本語",
    ]
    try bench.addPhotos(names)
    let run = try await bench.run(try bench.chain(), publish: .copy)
    #expect(run.summary.exitCode == 0)
    let result = try #require(try Inspection.latestResult("second", pipeline: "test", store: bench.store))
    let artifact = try bench.store.artifact(try #require(result.outputs["samples"]))
    #expect(Set(artifact.samples.map(\.name)) == Set(names))
    let published = try FileManager.default.contentsOfDirectory(
      atPath: bench.root + "/outputs/test/second/samples/data")
    #expect(published.count == names.count)
    #expect(!run.events.contains { if case .note = $0 { true } else { false } })
    let again = try await bench.run(try bench.chain(), publish: .copy)
    #expect(again.trace == [])
  }

  @Test func twoSpellingsOfOneNameAreRefused() async throws {
    let bench = try Bench()
    try bench.addPhotos(["caf\u{e9}", "cafe\u{301}"])
    let run = try await bench.run(try bench.chain())
    #expect(run.failure("collect")?.contains("differ only in how an accented letter is encoded") == true)
  }

  @Test func aNameThatIsNotUTF8IsRefused() async throws {
    let bench = try Bench()
    let path = Array((bench.photos + "/").utf8) + [0xff, 0xfe, 0]
    let fd = path.withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { open($0.baseAddress!, O_CREAT | O_WRONLY, 0o644) }  // not empty
    }
    close(fd)
    let run = try await bench.run(try bench.chain())
    #expect(run.failure("collect")?.contains("is not valid UTF-8") == true)
  }

  @Test func linksAreFollowedOrRefused() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let manager = FileManager.default
    try bench.write("outside", bench.root + "/elsewhere/b.txt")
    try manager.createSymbolicLink(
      atPath: bench.photos + "/b.txt", withDestinationPath: bench.root + "/elsewhere/b.txt")
    try manager.linkItem(atPath: bench.photos + "/a.txt", toPath: bench.photos + "/hard.txt")
    let run = try await bench.run(try bench.chain())
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.contains("collect b") && run.trace.contains("collect hard"))
    try manager.createSymbolicLink(atPath: bench.photos + "/gone.txt", withDestinationPath: "/nowhere")
    let dangling = try await bench.run(try bench.chain())
    #expect(dangling.failure("collect")?.contains("gone.txt is a link to something that does not exist") == true)
    try manager.removeItem(atPath: bench.photos + "/gone.txt")
    try manager.createSymbolicLink(atPath: bench.photos + "/loop", withDestinationPath: bench.photos)
    let loop = try await bench.run(try bench.chain())
    #expect(loop.failure("collect")?.contains("is a link back to a folder that holds it") == true)
  }

  @Test func aMissingFolderIsNamed() async throws {
    let bench = try Bench()
    let run = try await bench.run([try bench.stage("collect", "toy.collect", ["folder": .string(bench.root + "/none")])]
    )
    #expect(run.failure("collect")?.contains("\(bench.root)/none does not exist") == true)
  }

  @Test func twoFilesOfOneSampleNameAreBadSamples() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try bench.write("second a", bench.photos + "/a.md")
    let run = try await bench.run([try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)])])
    #expect(run.failure("collect")?.contains("give the same sample name `a`") == true)
  }
}
