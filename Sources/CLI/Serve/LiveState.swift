import Foundation
import Pipeline
import Reporting

/// The state of a pipeline's newest run; looked up for every request, from files alone.
actor LiveState {
  private let context: LastRunOptions.Context
  private let token: String
  private let runID: String?
  private var live: LiveRun?
  private var gates: (time: ContinuousClock.Instant, found: [GateStatus])?

  init(context: LastRunOptions.Context, token: String, runID: String?) {
    self.context = context
    self.token = token
    self.runID = runID
  }

  /// The sections of the run, and the digest of the report that they belong to (empty without one).
  func fragment() throws -> (html: String, report: String) {
    let page = try page()
    return (ReportPage.fragment(page.sections), try newestReport()?.digest ?? "")
  }

  /// The report with the run's sections in it; those alone before there is one.
  func document() throws -> String {
    let page = try page()
    if let report = try newestReport(), let whole = ReportPage.insert(page.sections, into: report.page, slot: "run") {
      return ReportPage.live(whole, script: "/live.js")
    }
    return ReportPage.live(ReportPage.html(page.document), script: "/live.js")
  }

  /// Approves what the page showed.
  /// - Parameter content: digest of what it showed.
  /// - Throws: `Diagnostic` when something else is there now.
  func approve(_ instance: String, content: String, message: String) throws -> Int {
    let gate = OpenGate(context: context, instance: instance)
    guard context.pipeline.instances.contains(where: { $0.id == instance && $0.gate != nil }) else {
      throw Diagnostic("`\(instance)` has no gate")
    }
    guard let status = try gate.status() else { throw Diagnostic("nothing waits at `\(instance)`; its gate is open") }
    guard ServeGuard.digest(of: status) == content else {
      throw Diagnostic("what waits at `\(instance)` has changed since the page was shown", help: "look at it again")
    }
    gates = nil
    return try gate.decide(status, approved: true, samples: [], message: message).count
  }

  private func page() throws -> LivePage {
    let runs = try context.store.runs().filter { $0.pipeline == context.pipeline.name }
    let run = runID.flatMap { id in runs.first { $0.id == id } } ?? runs.last
    if live?.id != run?.id { live = run.map(LiveRun.init) }
    live?.update()
    return LivePage(
      pipeline: context.pipeline.name, live: live, state: run?.state ?? "not started",
      gates: try waiting(), fileArguments: context.fileArguments, logs: run.map(logs) ?? [],
      reports: [], token: token)
  }

  /// Gates that wait, looked at every two seconds at most: that reads the user's folders.
  private func waiting() throws -> [GateStatus] {
    guard let live, !live.gates.isEmpty else { return [] }
    if let gates, gates.time.duration(to: .now) < .seconds(2) { return gates.found }
    let found = live.gates.compactMap { instance -> GateStatus? in
      // A gate that opened, or that cannot be looked at now, is not shown.
      (try? OpenGate(context: context, instance: instance).status()) ?? nil
    }
    gates = (.now, found)
    return found
  }

  private func logs(_ run: RunInfo) -> [(instance: String, text: String)] {
    (live?.stages ?? []).compactMap { stage in
      guard let file = FileHandle(forReadingAtPath: run.logPath(stage.instance)) else { return nil }
      defer { try? file.close() }  // only read
      guard let end = try? file.seekToEnd(), end > 0, (try? file.seek(toOffset: end > 16384 ? end - 16384 : 0)) != nil,
        let data = try? file.readToEnd()
      else { return nil }
      let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      return (stage.instance, lines.suffix(40).joined(separator: "\n"))
    }
  }

  /// The page of the newest finished report of this pipeline, as its stage wrote it.
  private func newestReport() throws -> (page: String, digest: String)? {
    let pages = RunPages(store: context.store, outputs: context.options.outputsFolder)
    guard let run = try pages.newestRun(of: context.pipeline.name) else { return nil }
    for (_, key) in run.keys.sorted(by: { $0.key < $1.key }) {
      guard let result = try context.store.result(key),
        let reference = result.outputs.values.first(where: { $0.kind == "report" }),
        let file = try context.store.artifact(reference).files["report.html"]
      else { continue }
      return (String(decoding: try context.store.data(file.digest), as: UTF8.self), file.digest.hex)
    }
    return nil
  }
}
