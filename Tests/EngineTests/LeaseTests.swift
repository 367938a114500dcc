import Basics
import Foundation
import Pipeline
import Synchronization
import Testing

/// Leases instead of locks, for file systems whose locks do not reach other machines.
@Suite(.serialized, .timeLimit(.minutes(15))) struct LeaseTests {
  /// Quick leases, forced on a local file system.
  private static let quick = Locking(.leases, beat: 20, expiry: 1500, isForced: true)

  private func bench(durable: Bool = false) throws -> Bench {
    let bench = try Bench(durable: durable)
    try bench.store.prepare()
    try bench.store.setLocking(Self.quick)
    return bench
  }

  private func wait(_ condition: () -> Bool) throws {
    for _ in 0..<12_000 {
      if condition() { return }
      usleep(5_000)
    }
    throw StageFailure("nothing happened for a minute")
  }

  @Test func theChoiceIsTheStoresAndReachesEveryProcess() throws {
    let bench = try Bench()
    #expect(try bench.store.locking.mode == .flock)
    try bench.store.prepare()
    try bench.store.setLocking(Self.quick)
    #expect(try bench.store.locking == Self.quick)
    try bench.store.setLocking(nil)
    #expect(try bench.store.locking.mode == .flock)
    #expect(Locking.networkFileSystem(at: bench.root) == nil)
  }

  @Test func twentyRunsAtOnceDoEachThingOnce() throws {
    let bench = try bench()
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
    // It was leases that did it.
    let locks = try FileManager.default.contentsOfDirectory(atPath: bench.root + "/.pipeline/locks")
    #expect(locks.count == 4 && locks.allSatisfy { $0.hasSuffix(".lease") })
    #expect(try bench.store.runs().allSatisfy { !$0.isActive })
  }

  /// The worker is killed at every operation on the file system; nothing is in the way of the next run.
  @Test(arguments: ["collect", "join"]) func aKillAtEveryOperationIsHarmless(_ victim: String) throws {
    func prepared() throws -> (Bench, String) {
      let bench = try bench(durable: true)
      try bench.addPhotos(["face 1", "face 2"])
      let path = try bench.writePipeline([
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage("join", "toy.join", inputs: ["in": ["collect.samples"]]),
      ])
      return (bench, path)
    }
    let (reference, path) = try prepared()
    let counts = reference.root + "/counts"
    #expect(try reference.start(path, options: ["--count", counts]).wait().status == 0)
    let numbers = try String(contentsOfFile: counts + ".worker", encoding: .utf8).split(separator: "\n").compactMap {
      Int($0)
    }
    let most = try #require(numbers.max())
    for n in 1...most {
      let (bench, path) = try prepared()
      _ = try bench.start(path, options: ["--worker-fault", "\(n)", "--fault-stage", victim]).wait()
      let second = try bench.start(path).wait()
      #expect(second.status == 0, "after a kill at operation \(n) of the \(victim): \(second.output)")
      #expect(try bench.store.verify(threads: 1).isClean)
    }
  }

  @Test func theDeadAreFollowedAtOnceAndTheStoppedNever() throws {
    let bench = try bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage(
          "train", "toy.train", ["steps": 40, "delay": 20], inputs: ["in": ["collect.samples"]], seed: 1),
      ], ["publish": false])
    let first = try bench.start(path)
    try wait { bench.traceLines().contains("step 2") }
    let worker = try #require(bench.workers(of: first.pid).first)
    // Stopped: no heartbeat for longer than the expiry, but alive. The second run waits.
    kill(worker, SIGSTOP)
    let second = try bench.start(path)
    try wait { second.output.contains("waiting_for_other") }
    let steps = bench.traceLines().count
    usleep(2_000_000)
    #expect(bench.traceLines().count == steps)
    // Killed: the second run goes on at once, from the checkpoint.
    kill(worker, SIGKILL)
    #expect(first.wait().status == 1)
    #expect(second.wait().status == 0)
    #expect(bench.traceLines().filter { $0.hasPrefix("step") }.count <= 41)
    #expect(try bench.start(path).wait().status == 0)
  }

  /// A lease as another machine writes it.
  private func foreign(_ beat: Int, released: Bool = false) -> Data {
    let json: JSON = [
      "host": "elsewhere", "boot": "another-boot", "namespace": "pid:[1]", "pid": 4711, "started": 1,
      "beat": .int(beat),
      "interval": 20, "released": .bool(released),
    ]
    return Data(json.canonical.utf8)
  }

  /// Where the lease stands that guards the decisions of a gate: the lock that the tests can take by a public call.
  private func decisionLease(_ bench: Bench) throws -> String {
    let root = bench.store.root
    let folder = "\(root)/locks/\(Digest.of("\(root)/approvals/test/gate.json").hex).lease"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder + "/7"
  }

  /// Takes the lock in a thread of its own; the counter says when it had it.
  private func decide(_ bench: Bench, _ done: Flag) {
    let store = bench.store
    Thread {
      let decision = ApprovalDecision(
        sample: "a", content: Digest.of("a"), isApproved: true, message: "", by: "", time: "")
      if (try? Approvals(store: store).add([decision], pipeline: "test", instance: "gate")) != nil { done.set() }
    }.start()
  }

  private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    func set() { value.store(true, ordering: .relaxed) }
    var isSet: Bool { value.load(ordering: .relaxed) }
  }

  /// Heartbeats are seen by their change; what the clocks of the two machines say does not matter.
  @Test(arguments: [-86_400, 0, 86_400]) func anotherMachineKeepsItsLeaseWhileItsHeartBeats(_ skew: Int) throws {
    let bench = try bench()
    let lease = try decisionLease(bench)
    let done = Flag()
    func write(_ beat: Int) throws {
      try foreign(beat).write(to: URL(fileURLWithPath: lease))
      var times = [timespec(), timespec()]
      times[0].tv_sec = time(nil) + skew
      times[1].tv_sec = time(nil) + skew
      utimensat(AT_FDCWD, lease, &times, 0)
    }
    try write(0)
    decide(bench, done)
    for beat in 1...200 {
      try write(beat)
      usleep(20_000)
      #expect(!done.isSet, "robbed at heartbeat \(beat)")
    }
    // The heart stops: somebody else takes over, whatever the times say.
    try wait { done.isSet }
    #expect(try Approvals(store: bench.store).decisions(pipeline: "test", instance: "gate").count == 1)
  }

  /// A machine that stood still for too long finds its lease taken over: it lets the other work, whatever that one leaves behind,
  /// and fails in nothing.
  @Test(arguments: ["keeps", "removes", "delivers"]) func aLostLeaseIsNoticedAndTheOthersResultAwaited(_ other: String)
    throws
  {
    func stages(_ bench: Bench) throws -> [StageInstance] {
      [
        try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
        try bench.stage(
          "train", "toy.train", ["steps": 60, "delay": 25], inputs: ["in": ["collect.samples"]], seed: 1),
      ]
    }
    // What the other machine makes: the same bytes as this one.
    let elsewhere = try Bench()
    try elsewhere.addPhotos(["a"])
    #expect(try elsewhere.start(try elsewhere.writePipeline(try stages(elsewhere))).wait().status == 0)
    let result = try #require(try Inspection.latestResult("train", pipeline: "test", store: elsewhere.store))
    let key = result.key.hex

    let bench = try bench()
    try bench.addPhotos(["a"])
    let run = try bench.start(try bench.writePipeline(try stages(bench), ["publish": false]))
    try wait { bench.traceLines().contains("step 5") }
    let folder = "\(bench.store.root)/locks/\(key).lease"
    try foreign(0).write(to: URL(fileURLWithPath: folder + "/2"))
    unlink(folder + "/1")
    if other != "keeps" { try FileManager.default.removeItem(atPath: "\(bench.store.root)/scratch/\(key)") }
    try wait { run.output.contains("another has taken over") && run.output.contains("on elsewhere") }
    let steps = bench.traceLines().count { $0.hasPrefix("step") }
    // Its heart beats for a while; nothing is done here meanwhile.
    for beat in 1...50 {
      try foreign(beat).write(to: URL(fileURLWithPath: folder + "/2"))
      usleep(20_000)
    }
    #expect(bench.traceLines().count { $0.hasPrefix("step") } == steps)
    if other == "delivers" { _ = try bench.store.copyResults(from: elsewhere.store) }
    try foreign(51, released: true).write(to: URL(fileURLWithPath: folder + "/2"))
    let end = run.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(end.events("failed").isEmpty && end.events("retry").isEmpty)
    let made = try #require(try Inspection.latestResult("train", pipeline: "test", store: bench.store))
    #expect(made.outputs == result.outputs)
    let more = bench.traceLines().count { $0.hasPrefix("step") } - steps
    switch other {
    case "delivers": #expect(more == 0)
    case "removes": #expect(more == 60)
    default: #expect(more <= 61 - steps)
    }
    #expect(try bench.store.verify(threads: 1).isClean)
  }

  @Test func whatIsHalfThereOrReleasedIsNobodys() throws {
    for content in [Data(), Data("{\"pid\":".utf8), foreign(3, released: true)] {
      let bench = try bench()
      let lease = try decisionLease(bench)
      try content.write(to: URL(fileURLWithPath: lease))
      let done = Flag()
      decide(bench, done)
      try wait { done.isSet }
      // The old number is gone, the next one stands and is released.
      let folder = (lease as NSString).deletingLastPathComponent
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["8"])
    }
  }

  @Test func whatTheDeadLeftIsRemoved() throws {
    let bench = try bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos), "delay": 60_000])
    ])
    let run = try bench.start(path)
    try wait { bench.traceLines().contains("collect a") }
    #expect(try bench.store.runs().map(\.isActive) == [true])
    let worker = try #require(bench.workers(of: run.pid).first)
    kill(run.pid, SIGKILL)
    kill(worker, SIGKILL)
    _ = run.wait()
    try wait { bench.children(of: run.pid).isEmpty && !FileManager.default.fileExists(atPath: "/proc/\(worker)/exe") }
    #expect(try bench.store.runs().map(\.isActive) == [false])
    let tmp = bench.root + "/.pipeline/tmp"
    #expect(try !FileManager.default.contentsOfDirectory(atPath: tmp).isEmpty)
    try bench.store.prepare()
    #expect(try FileManager.default.contentsOfDirectory(atPath: tmp) == [])
  }
}
