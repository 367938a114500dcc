import Basics
import EngineToys
import Foundation
import Pipeline
import Testing

/// What a record has lost is an error that names the field: nothing is read as a default, nothing is left out.
@Suite struct StrictRecordTests {
  /// A value of a type that no field has.
  private static let mutated: JSON = [["?"]]

  /// The members of an object, of those in it and of those in lists: a path to each, and the record with it removed or changed.
  private static func changes(_ json: JSON, _ path: String = "") -> [(path: String, change: String, record: JSON)] {
    switch json {
    case .object(let members):
      return members.flatMap { name, value in
        let place = path.isEmpty ? name : path + "." + name
        var without = members
        without[name] = nil
        let own = [
          (place, "removed", JSON.object(without)),
          (place, "changed", .object(members.merging([name: mutated]) { $1 })),
        ]
        return own
          + changes(value, place).map { ($0.path, $0.change, .object(members.merging([name: $0.record]) { $1 })) }
      }
    case .array(let items):
      return items.enumerated().flatMap { index, item in
        changes(item, "\(path)[\(index)]").map { change in
          var changed = items
          changed[index] = change.record
          return (change.path, change.change, .array(changed))
        }
      }
    default: return []
    }
  }

  /// The job of one instance as a worker gets it; the worker only keeps a copy.
  private func job(_ instance: String, of instances: [StageInstance], _ bench: Bench) async throws -> JSON {
    let copy = bench.root + "/job.json"
    _ = try await bench.run(
      instances, targets: [instance], worker: ["/bin/sh", "-c", "cp \"$0\" '\(copy)'"], forks: false)
    return try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: copy)))
  }

  @Test(arguments: ["collect", "map", "join"]) func aJobWithoutOneOfItsFieldsIsNotRun(_ instance: String) async throws {
    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    let chain = try bench.chain()
    if instance != "collect" { try await bench.run(chain, targets: [instance == "map" ? "collect" : "second"]) }
    let json = try await job(instance, of: chain, bench)
    try RecordReaders.readJob(json, Toys.catalogue)
    let changes = Self.changes(json)
    #expect(changes.count > 100)
    for (path, change, record) in changes {
      #expect(throws: (any Error).self, "\(path) \(change)") { try RecordReaders.readJob(record, Toys.catalogue) }
    }
  }

  @Test func theWorkerNamesFileAndField() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let outcome = try await bench.run(
      try bench.chain(), targets: ["collect"],
      worker: ["/bin/sh", "-c", "sed -i 's/\"durable\":/\"durabel\":/' \"$0\"; exec '\(Bench.probe)' worker \"$0\""],
      forks: false)
    let failure = try #require(outcome.failure("collect"))
    #expect(failure.contains("/jobs/collect-1.json cannot be read: `durable` is missing"), "\(failure)")
    #expect(failure.contains("run the same command again"))
    #expect(bench.traceLines().isEmpty)
  }

  /// Parameters and connections are maps of their own: what a stage type declares fills the gaps, and a worker compares with
  /// the key.
  @Test(
    arguments: [
      [:],
      [
        "gate": ["approve": "automatic", "coverage": 0.5, "message": "look"], "timeout": 2.5,
        "resources": ["cpus": 2, "memory": 1000, "gpus": 1, "executor": "local"],
      ],
    ] as [[String: JSON]]) func aFrozenInstanceWithoutOneOfItsFieldsIsNotRead(_ extra: [String: JSON]) throws
  {
    let bench = try Bench()
    let instance = try bench.stage("map@x", "toy.map", inputs: ["in": ["collect.samples"]], seed: 3, extra: extra)
    let json = instance.json
    #expect(try StageInstance(json: json, catalogue: Toys.catalogue).json == json)
    for (path, change, record) in Self.changes(json) {
      if path.hasPrefix("with.") || path == "inputs.in" && change == "removed" { continue }
      #expect(throws: (any Error).self, "\(path) \(change)") {
        try StageInstance(json: record, catalogue: Toys.catalogue)
      }
    }
    var lost = json.objectValue ?? [:]
    lost["timeout"] = nil
    do {
      _ = try StageInstance(json: .object(lost), catalogue: Toys.catalogue)
    } catch let error as Diagnostic {
      #expect(error.message == "`map@x` cannot be read back from its frozen form: `timeout` is missing")
    }
  }

  @Test func whatOlderVersionsFrozeIsStillRead() throws {
    let bench = try Bench()
    var old = try bench.stage("map", "toy.map", inputs: ["in": ["collect.samples"]], seed: 3).json.objectValue ?? [:]
    // Format 1 said nothing of its format and left out what was nil.
    for name in ["format", "timeout", "gate"] { old[name] = nil }
    old["resources"] = ["gpus": 0]
    let read = try StageInstance(json: .object(old), catalogue: Toys.catalogue)
    #expect(read.seed == 3 && read.timeout == nil && read.gate == nil)
  }

  @Test func anUnreadableChoiceOfLocksIsAnError() async throws {
    let bench = try Bench()
    try bench.store.prepare()
    let whole = Locking(.leases, beat: 20, expiry: 1500, isForced: true)
    try bench.store.setLocking(whole)
    let path = bench.root + "/.pipeline/locking.json"
    let json = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: path)))
    var damaged = Self.changes(json).map { ($0.path, $0.record.canonical) }
    damaged += [("mode", json.canonical.replacing("leases", with: "leasse")), ("line 1", "{\"mode\":")]
    #expect(damaged.count == 10)
    for (field, text) in damaged {
      try bench.write(text, path)
      #expect("\(text)") { try bench.store.prepare() } throws: { error in
        let failure = error as? StageFailure
        return failure?.message.contains(path) == true && failure?.message.contains(field) == true
          && failure?.help?.contains("pipeline doctor --locks auto") == true
      }
      #expect(throws: StageFailure.self) { try bench.store.collectGarbage(keepRuns: 1, dryRun: true) }
    }
    try bench.store.setLocking(whole)
    #expect(try bench.store.locking == whole)
    try bench.store.prepare()
  }

  /// A list that says what to keep, and cannot be read, keeps everything.
  @Test(arguments: ["latest/test.json", "pins/mine", "runs/*/run.json"])
  func garbageIsNotCollectedByWhatCannotBeRead(_ place: String) async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    try await bench.run(try bench.chain())
    let key = try #require(try Inspection.latestResult("join", pipeline: "test", store: bench.store)).key
    try bench.store.pin("mine", keys: [key])
    let run = try #require(try bench.store.runs().last)
    let path = bench.root + "/.pipeline/" + place.replacing("*", with: run.id)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try bench.write(String(text.dropLast(80)), path)
    #expect { try bench.store.collectGarbage(keepRuns: 0, grace: 0, dryRun: false) } throws: { error in
      (error as? StageFailure)?.message.contains(path) == true
    }
    try bench.write(text, path)
    #expect(try bench.store.collectGarbage(keepRuns: 0, grace: 0, dryRun: false).blobs == 0)
  }
}
