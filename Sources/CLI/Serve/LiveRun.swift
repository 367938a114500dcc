import Basics
import Foundation
import Pipeline
import Reporting

/// The state of a run according to its events so far. Reads only what was appended since the last look.
struct LiveRun {
  struct Stage {
    var instance: String
    var stage: String
    var type: String
    var upstream: [String]
    var state: GraphChart.State = .pending
    var seconds: Double?
    /// `12 of 24 samples`, or why it failed.
    var detail = ""
    var metrics: [String: Double] = [:]
  }

  /// Values of a training by what they are, over epochs.
  struct Curve: Hashable {
    var instance: String
    var metric: String
  }

  let id: String
  let started: String
  private(set) var stages: [Stage]
  private(set) var curves: [Curve: (x: [Double], y: [Double])] = [:]
  private(set) var notes: [String] = []
  /// Instances whose gate waits.
  private(set) var gates: [String] = []
  private let events: String
  private var offset: UInt64 = 0
  private var rest = Data()

  init(_ run: RunInfo) {
    id = run.id
    started = run.started
    events = run.folder + "/events.jsonl"
    stages = (run.json["stages"]?.arrayValue ?? []).compactMap { item in
      guard let id = item["id"]?.stringValue else { return nil }
      let inputs = (item["inputs"]?.objectValue ?? [:]).sorted { $0.key < $1.key }.flatMap { $0.value.arrayValue ?? [] }
      return Stage(
        instance: id, stage: item["stage"]?.stringValue ?? id, type: item["uses"]?.stringValue ?? "",
        upstream: inputs.compactMap { $0["instance"]?.stringValue })
    }
  }

  /// Takes in the lines that came since. A line that is only half there waits for its end.
  mutating func update() {
    guard let file = FileHandle(forReadingAtPath: events) else { return }
    defer { try? file.close() }  // only read
    do {
      try file.seek(toOffset: offset)
      guard let data = try file.readToEnd() else { return }
      offset += UInt64(data.count)
      rest += data
    } catch { return }  // the next look tries again
    while let end = rest.firstIndex(of: 0x0A) {
      // A line that a full disk cut is no event.
      if let event = try? JSON(parsing: Data(rest[rest.startIndex..<end])) { take(event) }
      rest = Data(rest[rest.index(after: end)...])
    }
  }

  private mutating func take(_ event: JSON) {
    let name = event["event"]?.stringValue ?? ""
    if name == "note", let text = event["message"]?.stringValue { notes.append(text) }
    guard let id = event["stage"]?.stringValue, let index = stages.firstIndex(where: { $0.instance == id }) else {
      return
    }
    switch name {
    case "up_to_date": stages[index].state = .cached
    case "job":
      // Only for show: an event of another version leaves the place as it was.
      if let place = try? QueuePlace(RecordFields(event)) { stages[index].detail = place.text }
      if event["state"]?.stringValue == "RUNNING" { stages[index].state = .running }
    case "started":
      stages[index].state = .running
      stages[index].detail = ""
    case "progress": progress(event, index)
    case "finished":
      stages[index].state = event["reused"]?.boolValue == true ? .cached : .done
      stages[index].seconds = event["seconds"]?.doubleValue
      stages[index].detail = ""
    case "failed":
      stages[index].state = .failed
      stages[index].detail = event["message"]?.stringValue ?? ""
    case "gate":
      stages[index].state = .waiting
      if !gates.contains(id) { gates.append(id) }
    case "skipped":
      stages[index].state = event["waiting"]?.boolValue == true ? .waiting : .pending
      stages[index].detail = "behind " + (event["because"]?.stringValue ?? "another stage")
    case "stopped": stages[index].state = .pending
    default: break
    }
  }

  private mutating func progress(_ event: JSON, _ index: Int) {
    stages[index].state = .running
    var text = ""
    if let done = event["done"]?.intValue, let total = event["total"]?.intValue {
      text = "\(Numbers.grouped(done)) of \(Numbers.grouped(total)) \(event["unit"]?.stringValue ?? "")"
    }
    let message = event["message"]?.stringValue
    stages[index].detail = [text, message ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
    let metrics = (event["metrics"]?.objectValue ?? [:]).compactMapValues(\.doubleValue)
    stages[index].metrics = metrics
    guard event["unit"]?.stringValue == "steps", let done = event["done"]?.doubleValue else { return }
    for metric in ["loss", "val_l1"] {
      guard let value = metrics[metric], value.isFinite else { continue }
      let key = Curve(instance: stages[index].instance, metric: metric)
      var curve = curves[key] ?? ([], [])
      // Every event repeats the last validation.
      if metric == "val_l1", curve.y.last == value { continue }
      curve.x.append(done)
      curve.y.append(value)
      curves[key] = curve
    }
  }
}
