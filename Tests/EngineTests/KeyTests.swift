import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 2: everything that can change the bytes enters the key, nothing else does.
@Suite struct KeyTests {
  private func key(
    _ bench: Bench, _ instances: [StageInstance], _ id: String, salt: String? = nil
  ) throws -> Digest {
    let found = try Inspection.explain(
      id, in: bench.pipeline(instances), store: bench.store,
      options: PlanOptions(salt: salt, outputsFolder: bench.root))
    return try #require(found.key)
  }

  private func base(
    _ bench: Bench, _ with: [String: JSON] = [:], seed: UInt64 = 1, extra: [String: JSON] = [:], folder: String? = nil
  )
    throws -> [StageInstance]
  {
    [
      try bench.stage("collect", "toy.collect", ["folder": .string(folder ?? bench.photos)]),
      try bench.stage("map", "toy.map", with, inputs: ["in": ["collect.samples"]], seed: seed, extra: extra),
    ]
  }

  @Test func everyDeclaredPartChangesTheKey() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try base(bench))
    var keys: [String: Digest] = ["nothing": try key(bench, try base(bench), "map")]
    let parameters: [(String, JSON)] = [
      ("add", "x"), ("steps", 4), ("delay", 1), ("fail", "x"), ("number", 0.25), ("choices", ["x"]), ("ignore", true),
    ]
    for (name, value) in parameters { keys[name] = try key(bench, try base(bench, [name: value]), "map") }
    keys["seed"] = try key(bench, try base(bench, seed: 2), "map")
    keys["policy"] = try key(bench, try base(bench, extra: ["on_bad_sample": "skip"]), "map")
    var salted = try base(bench)
    salted[0].inputs = [:]
    keys["collect"] = try key(bench, salted, "collect")
    keys["salt"] = try key(bench, salted, "collect", salt: "s")
    try bench.write("other text", bench.photos + "/a.txt")
    keys["content"] = try key(bench, salted, "collect")
    try FileManager.default.moveItem(atPath: bench.photos + "/a.txt", toPath: bench.photos + "/c.txt")
    keys["name"] = try key(bench, salted, "collect")
    try FileManager.default.removeItem(atPath: bench.photos + "/c.txt")
    keys["removed"] = try key(bench, salted, "collect")
    try await bench.run(try base(bench))
    keys["input"] = try key(bench, try base(bench), "map")
    #expect(Set(keys.values).count == keys.count)
    // Taking a field out again is a change too, back to the key without it.
    let without = try key(bench, try base(bench), "map")
    for (name, value) in parameters {
      #expect(try key(bench, try base(bench, [name: value]), "map") != without, "\(name)")
    }
  }

  /// Each field alone: `explain` names it, with its old and its new value, and nothing else.
  @Test func explainNamesEachFieldAlone() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    try await bench.run(try base(bench))
    let changes: [(field: String, value: JSON, old: JSON)] = [
      ("add", "x", ""), ("steps", 4, 3), ("delay", 1, 0), ("fail", "x", ""), ("number", 0.25, 0.5),
      ("choices", ["x"], []), ("ignore", true, false),
    ]
    func reasons(_ instances: [StageInstance]) throws -> [RunReason] {
      try Inspection.explain(
        "map", in: bench.pipeline(instances), store: bench.store, options: PlanOptions(outputsFolder: bench.root)
      ).plan.reasons
    }
    for change in changes {
      let found = try reasons(try base(bench, [change.field: change.value]))
      #expect(
        found == [.changed(KeyDifference(field: "parameters.\(change.field)", old: change.old, new: change.value))])
    }
    #expect(
      try reasons(try base(bench, extra: ["on_bad_sample": "skip"])) == [
        .changed(KeyDifference(field: "on_bad_sample", old: "fail", new: "skip"))
      ])
    try await bench.run(try base(bench, ["add": "x"]))
    #expect(
      try reasons(try base(bench, ["add": "y"])) == [
        .changed(KeyDifference(field: "parameters.add", old: "x", new: "y"))
      ])
  }

  @Test func nothingElseChangesTheKey() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try base(bench))
    let expected = try key(bench, try base(bench), "map")
    let expectedCollect = try key(bench, try base(bench), "collect")
    #expect(try key(bench, try base(bench, ["trace": "/somewhere/else"]), "map") == expected)
    let extras: [[String: JSON]] = [
      ["retries": 5], ["timeout": 9.0], ["resources": ["cpus": 3, "memory": 1000, "gpus": 1, "time": 5.0]],
      ["resources": ["executor": "local"]], ["resources": ["executor": "slurm"]],
    ]
    for extra in extras { #expect(try key(bench, try base(bench, extra: extra), "map") == expected) }
    // Defaults written out, integers where numbers are meant.
    #expect(try key(bench, try base(bench, ["steps": 3, "number": 0.5, "add": ""]), "map") == expected)
    // Another place, files made in another order, other times and permissions.
    let moved = bench.root + "/moved"
    for name in ["b", "a"] { try bench.write("photo \(name)", "\(moved)/\(name).txt") }
    chmod(moved + "/a.txt", 0o600)
    try bench.write("notes", moved + "/.hidden")
    #expect(try key(bench, try base(bench, folder: moved), "collect") == expectedCollect)
    // The name of the instance, where nothing sees it.
    var renamed = try base(bench)
    renamed[0].id = "photos"
    renamed[1].inputs = ["in": [InputReference(instance: "photos", port: "samples")]]
    #expect(try key(bench, renamed, "map") == expected)
  }

  @Test func labelsEnterWhereAStageSeesThem() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    func stages(_ name: String) throws -> [StageInstance] {
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage("map@\(name)", "toy.map", inputs: ["in": ["collect.samples"]]),
        try bench.stage("join", "toy.join", inputs: ["in": ["map@\(name).samples"]]),
      ]
    }
    try await bench.run(try stages("x"))
    let first = try key(bench, try stages("x"), "join")
    #expect(try key(bench, try stages("y"), "join") != first)
  }

  /// A change of the format must be on purpose: old results would not be found any more.
  @Test func keysOfThisFormatStayAsTheyAre() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let digest = try key(
      bench, [try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)])], "collect")
    #expect(digest.hex == "2563d8fa630ac52922afe336fc2b3114fea45f024e8f6da580412aa3364b8550")
  }

  @Test func explainNamesExactlyTheFieldsThatChanged() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    try await bench.run(try base(bench, ["steps": 3]))
    func reasons(_ instances: [StageInstance], _ id: String) throws -> [RunReason] {
      try Inspection.explain(
        id, in: bench.pipeline(instances), store: bench.store, options: PlanOptions(outputsFolder: bench.root)
      ).plan.reasons
    }
    #expect(try reasons(try base(bench), "map") == [])
    #expect(
      try reasons(try base(bench, ["steps": 7, "number": 2]), "map") == [
        .changed(KeyDifference(field: "parameters.number", old: 0.5, new: 2.0)),
        .changed(KeyDifference(field: "parameters.steps", old: 3, new: 7)),
      ])
    #expect(
      try reasons(try base(bench, seed: 9), "map") == [.changed(KeyDifference(field: "seed", old: "1", new: "9"))])
    try bench.write("new a", bench.photos + "/a.txt")
    try bench.write("c", bench.photos + "/c.txt")
    let changed = try reasons(try base(bench), "collect")
    guard case .changed(let difference)? = changed.first, changed.count == 1 else {
      Issue.record("\(changed)")
      return
    }
    #expect(difference.field == "sources.folder")
    #expect(difference.details == ["~ a.txt", "+ c.txt"])
    #expect(
      try reasons(try base(bench, ["steps": 4]), "map").map(\.text) == [
        "parameters.steps: 3 -> 4", "depends on results of collect",
      ])
    // One sample.
    let sample = try Inspection.explain(
      sample: "a", of: "collect", in: bench.pipeline(try base(bench)), store: bench.store,
      options: PlanOptions(outputsFolder: bench.root))
    #expect(!sample.isUpToDate)
    #expect(sample.differences.map(\.field) == ["source.digest"])
  }
}
