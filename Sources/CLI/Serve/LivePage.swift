import Basics
import Foundation
import Pipeline
import Reporting

/// The sections of a run that is going on, in the look of the report.
struct LivePage {
  let pipeline: String
  let live: LiveRun?
  let state: String
  /// Gates that wait, with what they hold now.
  let gates: [GateStatus]
  let fileArguments: String
  /// Logs by instance, newest lines last.
  let logs: [(instance: String, text: String)]
  /// Reports that are there: title and path on the server.
  let reports: [(name: String, path: String)]
  /// Sent back with every decision.
  let token: String

  var sections: [ReportDocument.Section] {
    var sections = [now]
    if let live {
      sections.append(graph(live))
      if let curves = curves(live) { sections.append(curves) }
    }
    if !logs.isEmpty {
      sections.append(
        .init(
          id: "live-logs", title: "Logs",
          blocks: logs.map { .details(summary: $0.instance, [.code($0.text)]) }))
    }
    return sections
  }

  /// A page of these sections alone, for a pipeline that has no report yet.
  var document: ReportDocument {
    ReportDocument(
      title: pipeline, subtitle: "This page follows the run and shows the report once it is there.",
      sections: sections)
  }

  private var now: ReportDocument.Section {
    var blocks: [ReportDocument.Block] = []
    if let live {
      let counts = GraphChart.State.allCases.compactMap { state -> String? in
        let count = live.stages.count { $0.state == state }
        return count == 0 ? nil : "\(count) \(state.label.drop { !$0.isLetter })"
      }
      blocks.append(
        .definitions([
          ("Run", live.id), ("State", state), ("Started", live.started), ("Stages", counts.joined(separator: ", ")),
        ]))
    } else {
      blocks.append(.paragraph("Nothing has run yet. Start it with `pipeline run \(fileArguments)`."))
    }
    if let failed = live?.stages.first(where: { $0.state == .failed }) {
      blocks.append(.warning("`\(failed.instance)` failed: \(failed.detail)"))
    }
    for gate in gates { blocks += decision(gate) }
    if let table = progress { blocks.append(.table(id: "live-progress", table)) }
    if !reports.isEmpty {
      blocks.append(.paragraph("Report: " + reports.map { "`\($0.name)` at \($0.path)" }.joined(separator: ", ") + "."))
    }
    return .init(id: "live-now", title: "Now", blocks: blocks)
  }

  private func decision(_ gate: GateStatus) -> [ReportDocument.Block] {
    var blocks: [ReportDocument.Block] = [
      .heading("Gate of \(gate.instance)"), .paragraph(gate.message), .paragraph(gate.summary + "."),
    ]
    let problems = (gate.missing + gate.invalid + gate.rejected).prefix(40).map { "\($0.name): \($0.reason)" }
    if !problems.isEmpty {
      blocks.append(
        .details(
          summary: "What is missing or wrong (\(gate.missing.count + gate.invalid.count + gate.rejected.count))",
          [.bullets(Array(problems))]))
    }
    if gate.isCovered, gate.approve == .explicit, gate.rejected.isEmpty, !gate.unapproved.isEmpty {
      blocks.append(
        .form(
          .init(
            action: "/approve",
            hidden: [
              .init("stage", gate.instance), .init("content", ServeGuard.digest(of: gate)), .init("token", token),
            ], field: "message", label: "Why (kept with the decision)",
            button: "Approve \(counted(gate.unapproved.count, "sample"))")))
    }
    return blocks
  }

  private var progress: Table? {
    guard let live else { return nil }
    let shown = live.stages.filter { $0.state == .running || $0.state == .failed || $0.state == .waiting }
    guard !shown.isEmpty else { return nil }
    return Table(
      caption: "What is going on.",
      columns: [.init("Stage"), .init("State"), .init("Progress"), .init("Left")],
      rows: shown.map { stage in
        [
          .text(stage.instance), .text(stage.state.label), .text(stage.detail.isEmpty ? "–" : stage.detail),
          .text(stage.metrics["eta"].map(Numbers.duration) ?? "–"),
        ]
      })
  }

  private func graph(_ live: LiveRun) -> ReportDocument.Section {
    let stages = live.stages.map {
      RunAppendix.Stage(
        instance: $0.instance, stage: $0.stage, type: $0.type, state: $0.state, seconds: $0.seconds,
        upstream: $0.upstream)
    }
    var chart = RunAppendix(run: [], machine: [], stages: stages, files: []).graph
    for index in chart.nodes.indices
    where live.stages.contains(where: { $0.stage == chart.nodes[index].id && $0.state == .running }) {
      chart.nodes[index].state = .running
    }
    return .init(
      id: "live-graph", title: "Stages",
      blocks: [
        .figures([.init(id: "live-graph-figure", chart: chart, caption: "Stages in the order in which data flows.")])
      ])
  }

  private func curves(_ live: LiveRun) -> ReportDocument.Section? {
    let figures = [("loss", "Training loss"), ("val_l1", "Validation L1, masked")].compactMap { metric, title in
      let series = live.curves.filter { $0.key.metric == metric && $0.value.x.count > 1 }
        .sorted { $0.key.instance < $1.key.instance }
        .map { LineChart.Series($0.key.instance, x: $0.value.x, y: $0.value.y) }
      return series.isEmpty
        ? nil
        : ReportDocument.Figure(
          id: "live-\(metric.replacing("_", with: "-"))",
          chart: LineChart(title: title, xTitle: "step", yTitle: title, yScale: .log, series: series.map(Self.thinned)),
          caption: "As reported by the run so far.")
    }
    return figures.isEmpty ? nil : .init(id: "live-curves", title: "Training now", blocks: [.figures(figures)])
  }

  /// At most 400 points, evenly chosen, the last among them.
  private static func thinned(_ series: LineChart.Series) -> LineChart.Series {
    guard series.x.count > 400 else { return series }
    let indices = (0..<400).map { $0 * (series.x.count - 1) / 399 }
    return .init(series.name, x: indices.map { series.x[$0] }, y: indices.map { series.y[$0] })
  }

  /// Fetches the sections and replaces those that changed, but none in which somebody writes.
  static let script = """
    'use strict';
    let known = new Map(), report = null, failures = 0;
    async function look() {
      try {
        const answer = await fetch('/fragment', {credentials: 'same-origin', cache: 'no-store'});
        if (!answer.ok) throw new Error(answer.status);
        failures = 0;
        const now = answer.headers.get('ETag') || '';
        if (report !== null && report !== now) { location.reload(); return; }
        report = now;
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const main = document.querySelector('main');
        let before = null;
        for (const section of page.querySelectorAll('section')) {
          const html = section.outerHTML, old = document.getElementById(section.id);
          if (known.get(section.id) !== html) {
            const busy = old && old.contains(document.activeElement) && document.activeElement.matches('input');
            if (!busy) {
              const open = old ? [...old.querySelectorAll('details')].map(d => d.open) : [];
              const fresh = document.importNode(section, true);
              fresh.querySelectorAll('details').forEach((d, i) => { if (open[i]) d.open = true; });
              if (old) old.replaceWith(fresh); else if (before) before.after(fresh); else main.prepend(fresh);
              known.set(section.id, html);
            }
          }
          before = document.getElementById(section.id) || before;
        }
        document.documentElement.dataset.live = 'yes';
      } catch (problem) {
        failures += 1;
        document.documentElement.dataset.live = 'no';
      }
      setTimeout(look, Math.min(1000 * (1 + failures), 10000));
    }
    look();
    """
}
