import Basics
import Foundation
import Pipeline
import Synchronization

/// Shows a run: bars that move on a terminal, a line for each event elsewhere, or JSON Lines.
final class RunView: Sendable {
  enum Style: Sendable { case terminal, plain, json }

  /// A stage at work.
  fileprivate struct Job {
    var instance: String
    var started = ContinuousClock.now
    var total: Int?
    var done: Int?
    /// Where the rate is counted from: what was done when work began.
    var first: (done: Int, at: ContinuousClock.Instant)?
    var unit = "samples"
    var message: String?
    var metrics: [String: Double] = [:]
    var lastPlain = ContinuousClock.now
  }

  private struct State {
    var jobs: [Job] = []
    var drawn = 0
    var lastDraw = ContinuousClock.now
    var upToDate = 0
    var closing: [String] = []
    var isClosed = false
  }

  private let style: Style
  private let colour: Bool
  private let state = Mutex(State())

  init(style: Style, colour: Bool) {
    self.style = style
    self.colour = colour
  }

  func show(_ event: RunEvent) {
    if style == .json {
      Console.standardOutput(event.json.canonical + "\n")
      return
    }
    state.withLock { state in
      let lines = update(&state, event)
      if style == .terminal {
        let isDue = ContinuousClock.now - state.lastDraw > .milliseconds(80)
        if !lines.isEmpty || isDue { draw(&state, lines) }
      } else {
        for line in lines { Console.standardError(line + "\n") }
      }
    }
  }

  /// Takes the bars away and prints what is to be read last.
  func close() {
    guard style != .json else { return }
    state.withLock { state in
      state.jobs = []
      if style == .terminal { draw(&state, []) }
      for line in state.closing { Console.standardError(line + "\n") }
      state.closing = []
    }
  }

  // MARK: - What to say

  private func update(_ state: inout State, _ event: RunEvent) -> [String] {
    switch event {
    case .runStarted(let id?, _, _): return [paint("run \(id)", "2")]
    case .runStarted: return []
    case .upToDate:
      state.upToDate += 1
      return []
    case .started(let instance, let toRun, let reused, let reasons, let attempt):
      state.jobs.removeAll { $0.instance == instance }
      var job = Job(instance: instance)
      if toRun + reused > 0 { (job.total, job.done) = (toRun, 0) }
      state.jobs.append(job)
      var text = "start \(instance)"
      if toRun + reused > 0 { text += ": \(toRun) of \(Validate.count(toRun + reused, "sample"))" }
      if attempt > 1 { text += ", attempt \(attempt)" }
      if let reason = reasons.first {
        text += " (\(reason)\(reasons.count > 1 ? " and \(reasons.count - 1) more" : ""))"
      }
      return style == .terminal ? [] : [text]
    case .waitingForOther(let instance, let holder):
      return ["wait  \(instance): another run is making it (\(holder))"]
    case .progress(let instance, let progress): return note(&state, instance, progress)
    case .finished(let instance, let seconds, let run, let reused, let isReused):
      state.jobs.removeAll { $0.instance == instance }
      var text = paint("done", "32") + "  \(instance)"
      if isReused {
        text += ": made by another run meanwhile"
      } else {
        if run + reused > 0 { text += ": \(Validate.count(run, "sample")) run, \(reused) reused" }
        text += ", \(durationText(seconds))"
      }
      return [text]
    case .retry(let instance, let attempt, let count, let delay, let message):
      state.jobs.removeAll { $0.instance == instance }
      return ["retry \(instance): attempt \(attempt) of \(count) in \(durationText(delay)): \(message)"]
    case .failed(let instance, let message, let help, let log):
      state.jobs.removeAll { $0.instance == instance }
      var lines = [paint("FAIL", "1;31") + "  \(instance): \(message)"]
      if let help { lines.append(paint("help:", "32") + " \(help)") }
      if let log { lines.append("      log: \(log)") }
      return lines
    case .gate(let status, let steps):
      state.closing.append(paint("WAIT", "1;33") + "  \(status.instance): \(status.summary)")
      state.closing += steps.map { "      \($0)" }
      return ["wait  \(status.instance): \(status.summary)"]
    case .skipped: return []
    case .stopped(let instance):
      state.jobs.removeAll { $0.instance == instance }
      return ["stop  \(instance)"]
    case .note(let instance, let message): return ["note  \(instance.map { $0 + ": " } ?? "")\(message)"]
    case .runFinished(let summary): return [Self.text(summary)]
    }
  }

  /// The last line of a run.
  static func text(_ summary: RunSummary) -> String {
    let time = durationText(summary.seconds)
    if summary.ran == 0, summary.exitCode == 0 {
      return "Nothing to do: \(Validate.count(summary.upToDate, "stage")) up to date (\(time))."
    }
    var parts = ["\(summary.ran) ran", "\(summary.upToDate) up to date"]
    if !summary.failed.isEmpty {
      parts.append("\(summary.failed.count) failed: \(summary.failed.joined(separator: ", "))")
    }
    if !summary.waiting.isEmpty { parts.append("\(summary.waiting.count) waiting at a gate") }
    if summary.skipped > 0 { parts.append("\(summary.skipped) behind those") }
    if summary.stopped > 0 { parts.append("\(summary.stopped) stopped") }
    return parts.joined(separator: ", ") + " (\(time))"
  }

  private func note(_ state: inout State, _ instance: String, _ progress: StageProgress) -> [String] {
    guard let index = state.jobs.firstIndex(where: { $0.instance == instance }) else { return [] }
    state.jobs[index].total = progress.total ?? state.jobs[index].total
    state.jobs[index].done = progress.done ?? state.jobs[index].done
    state.jobs[index].unit = progress.unit
    state.jobs[index].message = progress.message ?? state.jobs[index].message
    state.jobs[index].metrics.merge(progress.metrics) { $1 }
    if let done = progress.done, state.jobs[index].first == nil { state.jobs[index].first = (done, .now) }
    // Logs of batch systems: a line every ten seconds is plenty.
    guard style == .plain, ContinuousClock.now - state.jobs[index].lastPlain > .seconds(10) else { return [] }
    state.jobs[index].lastPlain = .now
    return ["      \(describe(state.jobs[index], width: nil))"]
  }

  /// `maps  [#####-----]  12/40 samples  3.1/s  9 s left`
  private func describe(_ job: Job, width: Int?) -> String {
    var text = job.instance
    if let done = job.done, let total = job.total, total > 0 {
      if width != nil {
        let filled = min(20, done * 20 / total)
        text += "  [" + String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled) + "]"
      }
      text += "  \(done)/\(total) \(job.unit)"
      if let first = job.first, done > first.done {
        let elapsed = job.seconds(since: first.at)
        let rate = Double(done - first.done) / max(elapsed, 1e-6)
        text += String(format: rate >= 10 ? "  %.0f/s" : rate >= 0.1 ? "  %.1f/s" : "  %.3f/s", rate)
        if total > done { text += "  \(durationText(Double(total - done) / rate)) left" }
      }
    } else {
      text += "  \(durationText(job.seconds(since: job.started)))"
    }
    for (name, value) in job.metrics.sorted(by: { $0.key < $1.key }) {
      text += "  \(name) \(String(format: "%.4g", value))"
    }
    if let message = job.message { text += "  \(message)" }
    if let width, text.count > width { text = String(text.prefix(max(0, width - 1))) + "…" }
    return text
  }

  // MARK: - Terminal

  /// Removes the bars, prints the lines, draws the bars again below.
  private func draw(_ state: inout State, _ lines: [String]) {
    state.lastDraw = .now
    var text = state.drawn > 0 ? "\u{1b}[\(state.drawn)A\r\u{1b}[J" : ""
    for line in lines { text += line + "\n" }
    var size = winsize()
    let width = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    let height = size.ws_row > 4 ? Int(size.ws_row) - 2 : 20
    let shown = state.jobs.prefix(height)
    for job in shown { text += describe(job, width: width) + "\n" }
    state.drawn = shown.count
    Console.standardError(text)
  }

  private func paint(_ text: String, _ code: String) -> String { colour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
}

extension RunView.Job {
  fileprivate func seconds(since instant: ContinuousClock.Instant) -> Double {
    let components = instant.duration(to: .now).components
    return Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
