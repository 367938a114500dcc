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
    seeds += [
      "12|PENDING||3fa9|Resources|/store/slurm/3fa9/1.0a\n13|OUT_OF_MEMORY|n[1-4]|a|b|None|/x|/y\n",
      "JobId=2 JobName=wrap JobState=FAILED Reason=JobLaunchFailure ExitCode=0:9 NodeList=n1 Comment=a b=c\n",
      "CANCELLED by 1000|0:15|n1\n",
      #"{"adopted":false,"event":"queue","job":"12","node":"n1","reason":"","restarts":1,"state":"RUNNING"}"#,
    ].map { Data($0.utf8) }
    #expect(seeds.suffix(4).allSatisfy { RecordReaders.readAll($0) > 0 })
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
