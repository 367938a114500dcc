import Basics
import Pipeline

/// Which instances of a run read from which.
struct RunChain {
  private let upstream: [String: [String]]
  let instances: [String]

  init(_ run: RunInfo) {
    var upstream: [String: [String]] = [:]
    var instances: [String] = []
    for item in run.json["stages"]?.arrayValue ?? [] {
      guard let id = item["id"]?.stringValue else { continue }
      instances.append(id)
      let inputs = (item["inputs"]?.objectValue ?? [:]).sorted { $0.key < $1.key }.flatMap { $0.value.arrayValue ?? [] }
      upstream[id] = inputs.compactMap { $0["instance"]?.stringValue }
    }
    self.upstream = upstream
    self.instances = instances
  }

  /// Everything an instance was made from, the nearest first, each once.
  func sources(of instance: String) -> [String] {
    var found: [String] = []
    var next = upstream[instance] ?? []
    while !next.isEmpty {
      var further: [String] = []
      for id in next where !found.contains(id) {
        found.append(id)
        further += upstream[id] ?? []
      }
      next = further
    }
    return found
  }
}
