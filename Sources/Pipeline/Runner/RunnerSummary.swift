import Basics
import Foundation

/// How a run ends: records, summary, what is shown at the end.
extension Runner {
  var keys: [String: Digest] {
    Dictionary(
      zip(pipeline.instances, instances).lazy.compactMap { instance, run in run.result.map { (instance.id, $0.key) } },
      uniquingKeysWith: { first, _ in first })
  }

  func finish() throws -> RunSummary {
    slurm?.close()
    try latest.update(keys)
    let states = scheduler.states
    let ran = instances.count { $0.origin == .made }
    let madeElsewhere = instances.count { $0.origin == .elsewhere }
    var summary = RunSummary(
      run: record?.id, seconds: start.duration(to: .now).seconds,
      upToDate: states.count { $0 == .done } - ran - madeElsewhere, ran: ran, madeElsewhere: madeElsewhere,
      samplesRun: samplesRun,
      failed: zip(pipeline.instances, instances).filter { $1.failure != nil }.map(\.0.id),
      waiting: zip(states, instances).compactMap { state, run in state == .waiting ? run.gate : nil },
      skipped: states.count { if case .cut = $0 { true } else { false } }, stopped: states.count { $0 == .stopped },
      signal: signalled, reports: [], texts: [])
    addTexts(to: &summary)
    if options.force.isEmpty, instances.allSatisfy({ $0.extraEvaluations == 0 }) {
      trail.record(
        summary, pipeline: pipeline, results: instances.map(\.result), evaluator: evaluator, publisher: publisher,
        latest: latest.path)
    }
    try store.files.save { try store.write($0, to: store.root + "/index/files", sync: .bytes) }
    if let record {
      record.append(.runFinished(summary))
      var outcomes: [String: JSON] = [:]
      for (vertex, state) in states.enumerated() where state != .left {
        outcomes[pipeline.instances[vertex].id] = outcome(vertex, state)
      }
      try record.finish(summary, results: outcomes)
    }
    observe(.runFinished(summary))
    return summary
  }

  func outcome(_ vertex: Int, _ state: Scheduler.State) -> JSON {
    var members: [String: JSON] = ["state": .string(Self.name(of: state))]
    let run = instances[vertex]
    if let result = run.result {
      members["key"] = .string(result.key.hex)
      members["ran"] = .bool(run.origin == .made)
      members["seconds"] = .double(result.made.seconds)
      if !result.made.hardware.isEmpty {
        members["hardware"] = .array(result.made.hardware.map { .string($0.rawValue) })
      }
      members["outputs"] = .object(result.outputs.mapValues(\.json))
    }
    members["message"] = run.failure.map(JSON.string)
    return .object(members)
  }

  static func name(of state: Scheduler.State) -> String {
    switch state {
    case .done: "done"
    case .failed: "failed"
    case .waiting: "waiting"
    case .cut(_, let isWaiting): isWaiting ? "behind a gate" : "skipped"
    case .stopped: "stopped"
    default: "not run"
    }
  }

  /// Output files named `summary.txt` are shown at the end of a run, `report.html` is pointed to.
  func addTexts(to summary: inout RunSummary) {
    let graph = Graph(pipeline.instances)
    let isLarge = instances.count { $0.result != nil } > 200
    for (vertex, run) in instances.enumerated() {
      guard let result = run.result else { continue }
      // Of hundreds of stages only the last ones have something to say.
      if isLarge, !graph.downstream[vertex].isEmpty { continue }
      for (port, reference) in result.outputs.sorted(by: { $0.key < $1.key }) where reference.layout == .files {
        // Only for show: what cannot be read is left out.
        guard reference.count < 10_000, let artifact = try? store.artifact(reference) else { continue }
        let id = pipeline.instances[vertex].id
        if let file = artifact.files["summary.txt"], let data = try? store.data(file.digest) {  // only for show
          summary.texts.append((id, String(decoding: data, as: UTF8.self)))
        }
        if artifact.files["report.html"] != nil, options.publish != .none {
          summary.reports.append(publisher.place(id, port) + "/report.html")
        }
      }
    }
  }
}
