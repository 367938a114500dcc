import Basics
import Foundation
import Pipeline
import Testing

/// Guarantees 1, 3 and 4: caching changes nothing but the time; exactly what must run runs.
@Suite struct CachingTests {
  @Test func aSecondRunDoesNothing() async throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1", "face 2", "face 10"])
    let first = try await bench.run(try bench.chain())
    #expect(first.summary.exitCode == 0)
    #expect(first.summary.ran == 4)
    #expect(first.trace.count == 3 * 3 + 1)
    let second = try await bench.run(try bench.chain())
    #expect(second.summary.exitCode == 0)
    #expect(second.summary.ran == 0)
    #expect(second.trace == [])
    #expect(second.summary.run == nil)
  }

  @Test func oneParameterRerunsOnlyWhatDependsOnIt() async throws {
    let bench = try Bench()
    try bench.addPhotos(["1", "2"])
    try await bench.run(try bench.chain())
    let changed = try await bench.run(try bench.chain(second: "c"))
    #expect(changed.trace == ["join", "mapc 1", "mapc 2"])
    let back = try await bench.run(try bench.chain())
    #expect(back.trace == [])
  }

  @Test func oneSampleOfManyRunsAlone() async throws {
    let bench = try Bench()
    try bench.addPhotos((1...40).map { "face \($0)" })
    try await bench.run(try bench.chain())
    try bench.write("another photo", bench.photos + "/face 7.txt")
    let changed = try await bench.run(try bench.chain())
    #expect(changed.trace == ["collect face 7", "join", "mapa face 7", "mapb face 7"])
    try bench.write("one more", bench.photos + "/face 41.txt")
    let added = try await bench.run(try bench.chain())
    #expect(added.trace == ["collect face 41", "join", "mapa face 41", "mapb face 41"])
    try FileManager.default.removeItem(atPath: bench.photos + "/face 41.txt")
    let removed = try await bench.run(try bench.chain())
    #expect(removed.trace == [])
  }

  /// The same with as many samples as a study has: one changed, one added, one removed.
  @Test(.timeLimit(.minutes(15))) func oneOfTenThousandSamplesRunsAlone() async throws {
    let bench = try Bench()
    var texts = Dictionary(uniqueKeysWithValues: (1...10_000).map { ("face \($0)", "photo face \($0)") })
    try bench.addPhotos(Array(texts.keys))
    let record: JSON = ["record"]
    let stages = [
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos), "choices": record]),
      try bench.stage("map", "toy.map", ["add": "a", "choices": record], inputs: ["in": ["collect.samples"]], seed: 1),
      try bench.stage("second", "toy.map", ["add": "b", "choices": record], inputs: ["in": ["map.samples"]], seed: 1),
      try bench.stage("join", "toy.join", inputs: ["in": ["second.samples"]]),
    ]
    /// What the collecting stage was given, by name.
    func table(_ outcome: Bench.Outcome) throws -> [String: String] {
      let lines = try bench.output(outcome.summary, stages, "join").split(separator: "\n")
      return Dictionary(
        uniqueKeysWithValues: lines.map { line in
          let colon = line.firstIndex(of: ":") ?? line.startIndex
          return (String(line[..<colon]), String(line[colon...].dropFirst(2).dropLast(2)))
        })
    }
    let first = try await bench.run(stages)
    #expect(first.trace.count == 3 * 10_000 + 1)
    #expect(try table(first) == texts)

    texts["face 7"] = "another photo"
    try bench.write("another photo", bench.photos + "/face 7.txt")
    let changed = try await bench.run(stages)
    #expect(changed.trace == ["collect face 7", "join", "mapa face 7", "mapb face 7"])
    #expect(try table(changed) == texts)

    texts["one more"] = "a new photo"
    try bench.write("a new photo", bench.photos + "/one more.txt")
    let added = try await bench.run(stages)
    #expect(added.trace == ["collect one more", "join", "mapa one more", "mapb one more"])
    #expect(try table(added) == texts)

    texts["face 1234"] = nil
    try FileManager.default.removeItem(atPath: bench.photos + "/face 1234.txt")
    let removed = try await bench.run(stages)
    #expect(removed.trace == ["join"])
    #expect(try table(removed) == texts)
    #expect(try await bench.run(stages).trace == [])
  }

  @Test func identicalOutputsStopTheWave() async throws {
    let bench = try Bench()
    try bench.addPhotos(["1", "2"])
    try await bench.run(try bench.chain(add: "x", ignore: true))
    let changed = try await bench.run(try bench.chain(add: "y", ignore: true))
    #expect(changed.trace == ["mapy 1", "mapy 2"])
  }

  @Test func cachedAndFreshResultsAreTheSame() async throws {
    let cached = try Bench()
    let fresh = try Bench()
    for bench in [cached, fresh] { try bench.addPhotos(["1", "2"]) }
    try await cached.run(try cached.chain(add: "first"))
    try cached.addPhotos(["3"])
    try fresh.addPhotos(["3"])
    let a = try await cached.run(try cached.chain())
    let b = try await fresh.run(try fresh.chain())
    let textA = try cached.output(a.summary, [], "join")
    let textB = try fresh.output(b.summary, [], "join")
    #expect(textA == textB)
    #expect(textA.contains("3/data.txt: photo 3a/"))
  }

  @Test func forceRunsAgainWithTheSameResult() async throws {
    let bench = try Bench()
    try bench.addPhotos(["1"])
    try await bench.run(try bench.chain())
    let forced = try await bench.run(try bench.chain(), force: ["map"])
    #expect(forced.trace == ["mapa 1"])
  }
}
