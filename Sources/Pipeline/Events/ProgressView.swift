import Basics
import Foundation

/// The view that a person has of a run: bars that move on a terminal, a line for each event elsewhere. Pure: events and times
/// go in, text for the terminal comes out, so that tests can compare every character.
package struct ProgressView {
  package enum Style: Sendable { case terminal, plain }

  /// The terminal's columns and lines.
  package struct Size: Hashable, Sendable {
    package var columns: Int
    package var lines: Int
    package init(columns: Int, lines: Int) {
      self.columns = columns
      self.lines = lines
    }
  }

  /// A stage at work.
  private struct Job {
    var instance: String
    /// Seconds since the view was made, as all times here.
    var started: Double
    var total: Int?
    var done: Int?
    /// Where the rate is counted from: what was done when work began.
    var first: (done: Int, at: Double)?
    var unit = "samples"
    var message: String?
    var metrics: [String: Double] = [:]
    var lastPlain: Double
    /// Where it is, when that is not here.
    var place: String?
  }

  private let style: Style
  private let colour: Bool
  private var jobs: [Job] = []
  private var drawn = 0
  private var lastDraw = -1.0
  private var closing: [String] = []

  package init(style: Style, colour: Bool) {
    self.style = style
    self.colour = colour
  }

  /// - Parameters:
  ///   - time: seconds since the view was made.
  ///   - size: asked for only when something is drawn.
  /// - Returns: what to write to the terminal or log.
  package mutating func show(_ event: RunEvent, at time: Double, size: () -> Size) -> String {
    let lines = update(event, time)
    if style == .plain { return lines.map { $0 + "\n" }.joined() }
    guard !lines.isEmpty || time - lastDraw > 0.08 else { return "" }
    return draw(lines, time, size())
  }

  /// Takes the bars away and says what is to be read last.
  package mutating func close(at time: Double, size: () -> Size) -> String {
    jobs = []
    defer { closing = [] }
    return (style == .terminal ? draw([], time, size()) : "") + closing.map { $0 + "\n" }.joined()
  }

  // MARK: - What to say

  private mutating func update(_ event: RunEvent, _ time: Double) -> [String] {
    switch event {
    case .runStarted(let id?, _, _): return [paint("run \(id)", "2")]
    case .runStarted, .upToDate, .skipped: return []
    case .started(let instance, let toRun, let reused, let reasons, let attempt):
      return started(instance, toRun, reused, reasons, attempt, time)
    case .waitingForOther(let instance, let holder):
      return ["wait  \(instance): another run is making it" + (holder.isEmpty ? "" : " (\(holder))")]
    case .job(let instance, let place): return job(instance, place, time)
    case .progress(let instance, let progress): return note(instance, progress, time)
    case .finished(let instance, let seconds, let run, let reused, let isReused):
      remove(instance)
      var text = paint("done", "32") + "  \(instance)"
      if isReused { return [text + ": made elsewhere"] }
      if run + reused > 0 { text += ": \(counted(run, "sample")) run, \(reused) reused" }
      return [text + ", \(durationText(seconds))"]
    case .rejected(let instance, let samples):
      let left = "\(counted(samples.count, "sample")) left out: \(GateStatus.Finding.summary(samples))"
      return ["note  \(instance): \(left)"]
    case .retry(let instance, let attempt, let count, let delay, let message):
      remove(instance)
      return ["retry \(instance): attempt \(attempt) of \(count) in \(durationText(delay)): \(message)"]
    case .failed(let instance, let message, let help, let log):
      remove(instance)
      var lines = [paint("FAIL", "1;31") + "  \(instance): \(message)"]
      if let help { lines.append(paint("help:", "32") + " \(help)") }
      if let log { lines.append("      log: \(log)") }
      return lines
    case .gate(let status, let steps):
      closing.append(paint("WAIT", "1;33") + "  \(status.instance): \(status.summary)")
      closing += steps.map { "      \($0)" }
      return ["wait  \(status.instance): \(status.summary)"]
    case .stopped(let instance):
      remove(instance)
      return ["stop  \(instance)"]
    case .note(let instance, let message): return ["note  \(instance.map { $0 + ": " } ?? "")\(message)"]
    case .runFinished(let summary): return [Self.text(summary)]
    }
  }

  private mutating func remove(_ instance: String) { jobs.removeAll { $0.instance == instance } }

  private mutating func started(
    _ instance: String, _ toRun: Int, _ reused: Int, _ reasons: [String], _ attempt: Int, _ time: Double
  ) -> [String] {
    let place = jobs.first { $0.instance == instance }?.place
    remove(instance)
    var job = Job(instance: instance, started: time, lastPlain: time, place: place)
    if toRun + reused > 0 { (job.total, job.done) = (toRun, 0) }
    jobs.append(job)
    if style == .terminal { return [] }
    var text = "start \(instance)"
    if toRun + reused > 0 { text += ": \(toRun) of \(counted(toRun + reused, "sample"))" }
    if attempt > 1 { text += ", attempt \(attempt)" }
    if let reason = reasons.first {
      text += " (\(reason)\(reasons.count > 1 ? " and \(reasons.count - 1) more" : ""))"
    }
    return [text]
  }

  private mutating func job(_ instance: String, _ place: QueuePlace, _ time: Double) -> [String] {
    if let index = jobs.firstIndex(where: { $0.instance == instance }) {
      jobs[index].place = place.text
    } else {
      jobs.append(Job(instance: instance, started: time, lastPlain: time, place: place.text))
    }
    return style == .terminal ? [] : ["job   \(instance): \(place.text)"]
  }

  /// The last line of a run.
  private static func text(_ summary: RunSummary) -> String {
    let time = durationText(summary.seconds)
    if summary.ran == 0, summary.madeElsewhere == 0, summary.exitCode == 0 {
      return "Nothing to do: \(counted(summary.upToDate, "stage")) up to date (\(time))."
    }
    var parts = ["\(summary.ran) ran", "\(summary.upToDate) up to date"]
    if summary.madeElsewhere > 0 { parts.insert("\(summary.madeElsewhere) made elsewhere", at: 1) }
    if !summary.failed.isEmpty {
      parts.append("\(summary.failed.count) failed: \(summary.failed.joined(separator: ", "))")
    }
    if !summary.waiting.isEmpty { parts.append("\(summary.waiting.count) waiting at a gate") }
    if summary.skipped > 0 { parts.append("\(summary.skipped) behind those") }
    if summary.stopped > 0 { parts.append("\(summary.stopped) stopped") }
    return parts.joined(separator: ", ") + " (\(time))"
  }

  private mutating func note(_ instance: String, _ progress: StageProgress, _ time: Double) -> [String] {
    guard let index = jobs.firstIndex(where: { $0.instance == instance }) else { return [] }
    jobs[index].total = progress.total ?? jobs[index].total
    jobs[index].done = progress.done ?? jobs[index].done
    jobs[index].unit = progress.unit
    jobs[index].message = progress.message ?? jobs[index].message
    jobs[index].metrics.merge(progress.metrics) { $1 }
    if let done = progress.done, jobs[index].first == nil { jobs[index].first = (done, time) }
    // Logs of batch systems: a line every ten seconds is plenty.
    guard style == .plain, time - jobs[index].lastPlain > 10 else { return [] }
    jobs[index].lastPlain = time
    return ["      \(describe(jobs[index], time, width: nil))"]
  }

  /// `maps  [#####-----]  12/40 samples  3.1/s  9.0 s left`; in a narrow terminal the bar goes first, then the end.
  private func describe(_ job: Job, _ time: Double, width: Int?) -> String {
    var text = job.instance
    if let done = job.done, let total = job.total, total > 0 {
      if let width, width >= 60 {
        let filled = min(20, done * 20 / total)
        text += "  [" + String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled) + "]"
      }
      text += "  \(done)/\(total) \(job.unit)"
      if let first = job.first, done > first.done {
        let rate = Double(done - first.done) / max(time - first.at, 1e-6)
        text += String(format: rate >= 10 ? "  %.0f/s" : rate >= 0.1 ? "  %.1f/s" : "  %.3f/s", rate)
        // A stage may know better than the rate so far.
        if total > done { text += "  \(durationText(job.metrics["eta"] ?? Double(total - done) / rate)) left" }
      }
    } else {
      text += "  \(durationText(time - job.started))"
    }
    for (name, value) in job.metrics.sorted(by: { $0.key < $1.key }) where name != "eta" {
      text += "  \(name) \(String(format: "%.4g", value))"
    }
    if let message = job.message { text += "  \(message)" }
    if let place = job.place { text += "  \(place)" }
    if let width, text.count > width { text = String(text.prefix(max(0, width - 1))) + "…" }
    return text
  }

  // MARK: - Terminal

  /// Removes the bars, prints the lines, draws the bars again below.
  private mutating func draw(_ lines: [String], _ time: Double, _ size: Size) -> String {
    lastDraw = time
    var text = drawn > 0 ? "\u{1b}[\(drawn)A\r\u{1b}[J" : ""
    for line in lines { text += line + "\n" }
    let shown = jobs.prefix(max(1, size.lines - 2))
    for job in shown { text += describe(job, time, width: size.columns) + "\n" }
    drawn = shown.count
    return text
  }

  private func paint(_ text: String, _ code: String) -> String { colour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
}
