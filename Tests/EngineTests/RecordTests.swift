import Basics
import Foundation
import Pipeline
import Testing

/// Whatever stands in a store's files, reading them gives values or an error. `Fuzz/FuzzRecords` goes on where this stops.
@Suite struct RecordTests {
  @Test func mutatedRecordsNeverCrash() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try bench.chain())
    let root = bench.root + "/.pipeline"
    var seeds: [Data] = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
      guard ["results/", "samples/", "blobs/", "index/"].contains(where: { path.hasPrefix($0) }) else { continue }
      guard let data = FileManager.default.contents(atPath: root + "/" + path), !data.isEmpty else { continue }
      seeds.append(data)
    }
    #expect(seeds.reduce(0) { $0 + RecordReaders.readAll($1) } >= 10)
    var random = SeededRandom(seed: 11)
    for _ in 0..<5000 {
      var data = seeds[random.index(below: seeds.count)]
      for _ in 0..<(1 + random.index(below: 4)) {
        let at = random.index(below: data.count)
        switch random.index(below: 4) {
        case 0: data[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: data[at] ^= 1 << random.index(below: 8)
        case 2: data.insert(contentsOf: data[at..<min(data.count, at + 20)], at: at)
        default: data.removeSubrange(at..<min(data.count - 1, at + 1 + random.index(below: 8)))
        }
        if data.isEmpty { data = Data([0]) }
      }
      _ = RecordReaders.readAll(data)
    }
  }
}
