import Basics
import Foundation
import Pipeline
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
      _ = try Planning.plan(pipeline, store: store, options: PlanOptions(outputsFolder: bench.root + "/outputs"))
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
}
