import Basics
import Foundation
import Pipeline
import Synchronization
import Testing

/// A file of the user's is read once, by whatever number of stages and runs.
@Suite struct HashingTests {
  @Test func nothingIsHashedTwice() async throws {
    let bench = try Bench()
    try bench.addPhotos((0..<300).map { "\($0 % 7)/face \($0)" })
    // Files that changed a moment ago cannot be told apart by their time stamps and are read again.
    try await Task.sleep(for: .milliseconds(2300))
    let instances = [
      try bench.stage("one", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage("two", "toy.read", ["folder": .string(bench.photos)]),
      try bench.stage("three", "toy.read", ["folder": .string(bench.photos + "/3"), "add": "x"]),
    ]
    let pipeline = bench.pipeline(instances)
    func hashed() throws -> Int {
      let store = bench.store
      try store.prepare()
      _ = try Inspection.plan(pipeline, store: store, options: PlanOptions(outputsFolder: bench.root + "/outputs"))
      return store.statCache.filesHashed
    }
    #expect(try hashed() == 300)
    #expect(try hashed() == 0)
    try bench.addPhotos(["3/new"])
    #expect(try hashed() >= 1)
    try await bench.run(instances)
    try await Task.sleep(for: .milliseconds(2300))
    #expect(try hashed() <= 1)
    #expect(try hashed() == 0)
  }

  /// Sizes around the ends of blocks and of what is read at once; two files at a time, and one.
  @Test(arguments: [1, 2, 5]) func manyFilesAreHashedAsOne(threads: Int) throws {
    let bench = try Bench()
    let folder = bench.root + "/files"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed: seed)
    let edges = [
      0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 131_007, 131_008, 131_071, 131_072, 131_073, 262_144, 1_500_000,
    ]
    let sizes = edges + (0..<40).map { _ in Int(random.next() % 300_000) }
    // A folder and a file that is not there keep nothing else back.
    var paths = [folder, folder + "/none"]
    var digests: [Digest?] = [nil, nil]
    for (index, size) in sizes.enumerated() {
      let data = Data((0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      let place = Int(random.next() % UInt64(paths.count + 1))
      paths.insert("\(folder)/\(index)", at: place)
      digests.insert(Digest.of(data), at: place)
      try data.write(to: URL(fileURLWithPath: "\(folder)/\(index)"))
    }
    for pairs in [true, false] where !pairs || DigestStream.isSupported {
      let found = Mutex<[Int: [Digest?]]>([:])
      Digest.ofFiles(paths, threads: threads, pairs: pairs) { index, reading in
        found.withLock { $0[index, default: []].append(try? reading.get().digest) }
      }
      found.withLock { found in
        for index in paths.indices { #expect(found[index] == [digests[index]], "\(paths[index]), seed \(seed)") }
      }
    }
  }
}
