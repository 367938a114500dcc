import Basics
import EngineToys
import Foundation
import Pipeline
import Synchronization

/// A folder of its own for one test: user files, a store, a trace of what ran.
final class Bench: Sendable {
  let root: String
  let durable: Bool
  var store: Store { Store(root: root + "/.pipeline", durable: durable) }
  var photos: String { root + "/photos" }
  var results: String { root + "/results" }
  var trace: String { root + "/trace" }

  init(durable: Bool = false) throws {
    self.durable = durable
    root = FileManager.default.temporaryDirectory.path + "/engine-\(UUID().uuidString)"
    for folder in [photos, results] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }  // a leftover in /tmp harms nobody

  /// The probe stands beside the test executable.
  static let probe: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return (own as NSString).deletingLastPathComponent + "/engine-probe"
  }()

  func write(_ text: String, _ path: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  func addPhotos(_ names: [String]) throws {
    for name in names { try write("photo \(name)", "\(photos)/\(name).txt") }
  }

  /// An instance; `with` is decoded like a file's parameters.
  func stage(
    _ id: String, _ uses: String, _ with: [String: JSON] = [:], inputs: [String: [String]] = [:], seed: UInt64? = nil,
    extra: [String: JSON] = [:]
  ) throws -> StageInstance {
    var parameters = with
    parameters["trace"] = parameters["trace"] ?? .string(trace)
    var json: [String: JSON] = [
      "id": .string(id), "stage": .string(String(id.prefix { $0 != "@" })), "uses": .string(uses),
      "with": .object(parameters), "labels": [],
      "inputs": .object(
        inputs.mapValues { references in
          .array(
            references.map { reference in
              let dot = reference.lastIndex(of: ".") ?? reference.endIndex
              return [
                "instance": .string(String(reference[..<dot])),
                "port": .string(String(reference[dot...].dropFirst())),
              ]
            })
        }),
      "retries": 0, "on_bad_sample": "fail", "resources": ["gpus": 0],
    ]
    json["seed"] = seed.map { .string(String($0)) }
    json.merge(extra) { usual, given in
      guard let usual = usual.objectValue, let given = given.objectValue else { return given }
      return .object(usual.merging(given) { $1 })
    }
    return try StageInstance(json: .object(json), catalogue: Toys.catalogue)
  }

  /// photos -> map -> map2 -> join
  func chain(add: String = "a", second: String = "b", ignore: Bool = false, join: [String: JSON] = [:]) throws
    -> [StageInstance]
  {
    [
      try stage("collect", "toy.collect", ["folder": .string(photos)]),
      try stage(
        "map", "toy.map", ["add": .string(add), "ignore": .bool(ignore)], inputs: ["in": ["collect.samples"]], seed: 1),
      try stage("second", "toy.map", ["add": .string(second)], inputs: ["in": ["map.samples"]], seed: 1),
      try stage("join", "toy.join", join, inputs: ["in": ["second.samples"]]),
    ]
  }

  func pipeline(_ instances: [StageInstance], name: String = "test") -> ResolvedPipeline {
    ResolvedPipeline(name: name, file: "test.yaml", instances: instances)
  }

  struct Outcome: Sendable {
    var summary: RunSummary
    var events: [RunEvent]
    /// What ran, sorted.
    var trace: [String]

    func failure(_ instance: String) -> String? {
      for case .failed(instance, let message, let help, _) in events { return message + (help.map { "\n" + $0 } ?? "") }
      return nil
    }
    var gate: GateStatus? {
      for case .gate(let status, _) in events { return status }
      return nil
    }
  }

  @discardableResult
  func run(
    _ instances: [StageInstance], name: String = "test", force: Set<String> = [], keepGoing: Bool = false,
    cpus: Int = 2, targets: [String] = [], salt: String? = nil, publish: PublishMode = .none,
    remote: RemoteAddress? = nil, remoteLimits: RemoteLimits = RemoteLimits(), command: [String] = [],
    worker: [String] = [Bench.probe, "worker"], forks: Bool = true, arithmetic: Arithmetic = .portable
  ) async throws -> Outcome {
    try? FileManager.default.removeItem(atPath: trace)  // none from before
    let events = Events()
    var pipeline = pipeline(instances, name: name)
    pipeline.settings.arithmetic = arithmetic
    let runner = try Runner(
      pipeline: pipeline, store: store,
      options: RunOptions(
        targets: targets, keepGoing: keepGoing, cpus: cpus, memory: 1 << 30, force: force, salt: salt,
        workerCommand: worker, forksWorkers: forks, outputsFolder: root + "/outputs", publish: publish, remote: remote,
        remoteLimits: remoteLimits, command: command),
      observe: { events.add($0) })
    let summary = try await runner.run()
    return Outcome(summary: summary, events: events.all, trace: traceLines())
  }

  /// Writes a pipeline for the probe executable.
  func writePipeline(_ instances: [StageInstance], _ extra: [String: JSON] = [:], to name: String = "pipeline.json")
    throws
    -> String
  {
    let path = root + "/" + name
    var members: [String: JSON] = ["name": "test", "stages": .array(instances.map(\.json)), "durable": .bool(durable)]
    members.merge(extra) { $1 }
    try write(JSON.object(members).canonical, path)
    return path
  }

  /// Starts the probe executable on a pipeline.
  /// - Parameter shell: commands of bash that come first; the probe takes the shell's place.
  func start(
    _ pipelinePath: String, options: [String] = [], environment: [String: String] = [:], shell: String? = nil
  ) throws -> ProbeRun {
    try ProbeRun(
      options + ["run", pipelinePath, root + "/.pipeline"], environment: environment, log: root + "/stdout",
      shell: shell)
  }

  /// The workers of a runner.
  func workers(of pid: pid_t) -> [pid_t] { children(of: pid).filter { name(of: $0) != "fork-server" } }

  /// The process of which a runner's workers are forks.
  func forkServer(of pid: pid_t) -> pid_t? { children(of: pid).first { name(of: $0) == "fork-server" } }

  /// What `top` shows; nil for a process that has ended.
  func name(of pid: pid_t) -> String? {
    (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.trimmingCharacters(in: .newlines)
  }

  /// The letter of proc(5), `R` or `Z` among them; nil for a process that is gone.
  func state(of pid: pid_t) -> Character? {
    let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)  // gone
    return text?.last { "RSDZTtXxKWPI".contains($0) }
  }

  /// Processes whose parent is `pid`.
  func children(of pid: pid_t) -> [pid_t] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.filter { child in
      guard let text = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8),  // ended meanwhile
        let close = text.lastIndex(of: ")")
      else { return false }
      let fields = text[text.index(after: close)...].split(separator: " ")
      return fields.count > 1 && pid_t(fields[1]) == pid
    }
  }

  /// Root may mount, which not every container allows.
  static let canMount: Bool = {
    let place = FileManager.default.temporaryDirectory.path + "/mount-\(UUID().uuidString)"
    mkdir(place, 0o755)
    defer { rmdir(place) }
    guard mount("tmpfs", place, "tmpfs", 0, "size=64k") == 0 else { return false }
    umount2(place, Int32(MNT_DETACH))
    return true
  }()

  func traceLines() -> [String] {
    ((try? String(contentsOfFile: trace, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init).sorted()
  }

  func plan(_ instances: [StageInstance], name: String = "test") throws -> Plan {
    try Inspection.plan(
      pipeline(instances, name: name), store: store, options: PlanOptions(outputsFolder: root + "/outputs"))
  }

  /// The text of an output file in the last run's result.
  func output(
    _ summary: RunSummary, _ instances: [StageInstance], _ id: String, _ port: String = "table",
    _ path: String = "table.txt"
  )
    throws -> String
  {
    let result = try Inspection.latestResult(id, pipeline: "test", store: store)
    guard let reference = result?.outputs[port], let file = try store.artifact(reference).files[path] else { return "" }
    return String(decoding: try store.data(file.digest), as: UTF8.self)
  }
}

final class Events: Sendable {
  private let list = Mutex<[RunEvent]>([])
  func add(_ event: RunEvent) { list.withLock { $0.append(event) } }
  var all: [RunEvent] { list.withLock { $0 } }
}
