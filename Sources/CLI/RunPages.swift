import Basics
import Foundation
import Pipeline
import Reporting

/// Puts what a run did into the pages that its report stages wrote: graph with times and cache hits, configuration, keys
/// and digests, machine. The pages in the store stay as they are; the extended ones are in the outputs folder.
struct RunPages {
  var store: Store
  /// Folder of published outputs.
  var outputs: String

  /// Writes `<outputs>/<pipeline>/<instance>.html` for every report of a run.
  /// - Returns: the paths written; empty when the run has no finished report.
  /// - Throws: `DamagedBlob` when a page is damaged in the store; a file error naming the path when it cannot be written.
  func write(_ run: RunInfo) throws -> [String] {
    let results = run.json["results"]?.objectValue ?? [:]
    var written: [String] = []
    for instance in results.keys.sorted(by: naturallyPrecedes) {
      guard let key = run.keys[instance], let result = try store.result(key),
        let reference = result.outputs.values.first(where: { $0.kind == "report" })
      else { continue }
      guard let file = try store.artifact(reference).files["report.html"] else { continue }
      let page = String(decoding: try store.data(file.digest), as: UTF8.self)
      let folder = "\(outputs)/\(fileName(for: run.pipeline))"
      let path = "\(folder)/\(fileName(for: instance)).html"
      let extended = try appendix(run).extend(page) ?? page
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(extended.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
      written.append(path)
    }
    return written
  }

  /// The newest run of a pipeline that finished a report.
  func newestRun(of pipeline: String) throws -> RunInfo? {
    try store.runs().last { run in
      guard run.pipeline == pipeline else { return false }
      return run.json["results"]?.objectValue?.values.contains { result in
        result["outputs"]?.objectValue?.values.contains { $0["kind"] == "report" } ?? false
      } ?? false
    }
  }

  private func appendix(_ run: RunInfo) throws -> RunAppendix {
    let results = run.json["results"]?.objectValue ?? [:]
    let stages = try (run.json["stages"]?.arrayValue ?? []).compactMap { item -> RunAppendix.Stage? in
      guard let id = item["id"]?.stringValue, let outcome = results[id] else { return nil }
      let result = try run.keys[id].flatMap { try store.result($0) }
      let inputs = item["inputs"]?.objectValue ?? [:]
      var upstream: [String] = []
      for reference in inputs.sorted(by: { $0.key < $1.key }).flatMap({ $0.value.arrayValue ?? [] }) {
        if let source = reference["instance"]?.stringValue, !upstream.contains(source) { upstream.append(source) }
      }
      let ran = outcome["ran"]?.boolValue ?? false
      return RunAppendix.Stage(
        instance: id, stage: item["stage"]?.stringValue ?? id, type: item["uses"]?.stringValue ?? "",
        state: Self.state(outcome["state"]?.stringValue, ran: ran),
        seconds: result?.made.seconds ?? outcome["seconds"]?.doubleValue,
        samplesRun: ran ? result?.made.samplesRun ?? 0 : 0,
        samplesReused: (result?.made.samplesReused ?? 0) + (ran ? 0 : result?.made.samplesRun ?? 0),
        key: outcome["key"]?.stringValue ?? "",
        outputs: (outcome["outputs"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
          .map { ($0.key, $0.value["digest"]?.stringValue ?? "") },
        upstream: upstream, parameters: item["with"]?.pretty ?? "", hardware: result?.made.hardware.text ?? "")
    }
    let files = (run.json["files"]?.arrayValue ?? []).map {
      (name: $0["name"]?.stringValue ?? "", text: $0["text"]?.stringValue ?? "")
    }
    return RunAppendix(run: facts(run), machine: Self.machine(of: run), stages: stages, files: files)
  }

  private static func state(_ text: String?, ran: Bool) -> GraphChart.State {
    switch text {
    case "done": ran ? .done : .cached
    case "failed": .failed
    case "waiting", "behind a gate": .waiting
    default: .pending
    }
  }

  private func facts(_ run: RunInfo) -> [(term: String, value: String)] {
    var facts: [(term: String, value: String)] = [
      ("Pipeline", "\(run.pipeline), from \((run.file as NSString).lastPathComponent)"), ("Run", run.id),
      ("Started", run.started),
    ]
    if let ended = run.json["ended"]?.stringValue { facts.append(("Ended", ended)) }
    if let seconds = run.json["summary"]?["seconds"]?.doubleValue {
      facts.append(("Took", Numbers.duration(seconds)))
    }
    if let seed = run.json["seed"]?.stringValue { facts.append(("Seed", seed)) }
    return facts
  }

  /// The machine, told in full only where the run was made: another machine's processor is not this one's.
  private static func machine(of run: RunInfo) -> [(term: String, value: String)] {
    let host = run.json["host"]?.stringValue ?? ""
    var facts: [(term: String, value: String)] = [("Program", "pipeline \(Commands.version)")]
    guard host == ProcessInfo.processInfo.hostName else { return facts + (host.isEmpty ? [] : [("Host", host)]) }
    if let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),  // not on every system
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let name = line.split(separator: ":").last
    {
      facts.append(("Processor", name.trimmingCharacters(in: .whitespaces)))
    }
    facts.append(("Cores", "\(MachineResources.cpus)"))
    facts.append(("Memory", String(format: "%.1f GiB", Double(MachineResources.memory) / 1_073_741_824)))
    facts.append(("System", ProcessInfo.processInfo.operatingSystemVersionString))
    return facts
  }
}
