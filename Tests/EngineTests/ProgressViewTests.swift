import Foundation
import Pipeline
import Testing

/// Every character of what a run shows, from a script of events with their times.
@Suite struct ProgressViewTests {
  private static let gate = GateStatus(
    instance: "facelift", approve: .explicit, coverage: 1, message: "Run FaceLift.", expected: 40, ready: 40,
    unapproved: ["face 1", "face 2"], changed: [], missing: [], invalid: [], rejected: [], contents: [:])
  private static let summary = RunSummary(
    run: "20260101-000000-0001", seconds: 83, upToDate: 3, ran: 2, madeElsewhere: 1, samplesRun: 40, failed: ["table"],
    waiting: [gate], skipped: 1, stopped: 0, signal: nil, reports: [], texts: [])

  /// Seconds and what happens then.
  private static let script: [(Double, RunEvent)] = [
    (0, .runStarted(id: nil, pipeline: "full", instances: 7)),
    (0.1, .upToDate(instance: "photos", samples: 40)),
    (0.2, .runStarted(id: "20260101-000000-0001", pipeline: "full", instances: 7)),
    (1, .started(instance: "maps", toRun: 40, reused: 2, reasons: ["parameters.hole_max_px: 500 -> 5000"], attempt: 1)),
    (1, .started(instance: "train@kind=bicubic", toRun: 0, reused: 0, reasons: ["new", "never run"], attempt: 1)),
    (2, .progress(instance: "maps", StageProgress(done: 4, total: 40))),
    (
      3,
      .progress(
        instance: "train@kind=bicubic",
        StageProgress(
          done: 10, total: 200, unit: "steps", message: "epoch 1 of 20", metrics: ["loss": 0.25, "val_l1": 0.0123456]))
    ),
    (3.01, .progress(instance: "maps", StageProgress(done: 5, total: 40))),
    (4, .progress(instance: "maps", StageProgress(done: 12, total: 40))),
    (4.2, .note(instance: nil, message: "going on without the remote cache: http://cache: no route")),
    (5, .waitingForOther(instance: "other", holder: "process 77 on ada")),
    (
      6,
      .retry(instance: "train@kind=bicubic", attempt: 2, of: 3, delay: 1, message: "the worker was ended by signal 9")
    ),
    (7, .started(instance: "train@kind=bicubic", toRun: 0, reused: 0, reasons: [], attempt: 2)),
    (
      20,
      .progress(
        instance: "train@kind=bicubic",
        StageProgress(done: 20, total: 200, unit: "steps", message: "epoch 2 of 20", metrics: ["loss": 0.125]))
    ),
    // The stage knows better than the rate so far.
    (
      30,
      .progress(
        instance: "train@kind=bicubic", StageProgress(done: 21, total: 200, unit: "steps", metrics: ["eta": 95]))
    ),
    (31, .finished(instance: "maps", seconds: 30, samplesRun: 40, samplesReused: 2, reused: false)),
    (32, .finished(instance: "other", seconds: 1, samplesRun: 0, samplesReused: 0, reused: true)),
    (
      33,
      .failed(instance: "table", message: "no such metric `psnrr`", help: "did you mean `psnr`?", log: "/runs/x.log")
    ),
    (33, .skipped(instance: "report", because: "table", isWaiting: false)),
    (34, .gate(gate, steps: ["look at the files, then:  pipeline approve full.yaml facelift -m \"checked\""])),
    (82, .finished(instance: "train@kind=bicubic", seconds: 80, samplesRun: 0, samplesReused: 0, reused: false)),
    (83, .runFinished(summary)),
  ]

  enum Look: String, CaseIterable, Sendable { case wide, narrow, colour, plain }

  @Test(arguments: Look.allCases) func looksAsRecorded(_ look: Look) throws {
    var view = ProgressView(style: look == .plain ? .plain : .terminal, colour: look == .colour)
    let size = ProgressView.Size(columns: look == .narrow ? 40 : 80, lines: 24)
    var text = ""
    for (time, event) in Self.script {
      let shown = view.show(event, at: time, size: { size })
      if !shown.isEmpty { text += "--- \(time) s\n" + shown }
    }
    text += "--- end\n" + view.close(at: 84, size: { size })
    // The escape character as a visible one.
    text = text.replacing("\u{1b}", with: "␛")
    if look == .narrow {
      for line in text.split(separator: "\n") where line.contains("steps") || line.contains("samples  ") {
        #expect(line.count <= 40 + 12, "wider than the terminal: \(line)")
      }
    }
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/progress-\(look.rawValue).txt")
    if ProcessInfo.processInfo.environment["RECORD"] != nil {
      try FileManager.default.createDirectory(
        at: golden.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: golden)
      Issue.record("recorded \(golden.lastPathComponent)")
      return
    }
    #expect(text == (try String(contentsOf: golden, encoding: .utf8)))
  }

  /// More stages at work than the terminal has lines: the rest is left out, and what was drawn is taken back exactly.
  @Test func neverTallerThanTheTerminal() {
    var view = ProgressView(style: .terminal, colour: false)
    let size = ProgressView.Size(columns: 80, lines: 6)
    for index in 0..<20 {
      _ = view.show(
        .started(instance: "s\(index)", toRun: 1, reused: 0, reasons: [], attempt: 1), at: Double(index), size: { size }
      )
    }
    let drawn = view.show(.progress(instance: "s0", StageProgress(done: 0, total: 1)), at: 30, size: { size })
    #expect(drawn.hasPrefix("\u{1b}[4A\r\u{1b}[J"))
    #expect(drawn.split(separator: "\n").count == 4)
  }

  /// A job waits in a queue, starts, reports.
  private static let jobScript: [(Double, RunEvent)] = [
    (0, .job(instance: "train", QueuePlace(job: "12", state: "PENDING"))),
    (1, .job(instance: "train", QueuePlace(job: "12", state: "PENDING", reason: "Resources"))),
    (60, .job(instance: "train", QueuePlace(job: "12", state: "RUNNING", node: "n1"))),
    (61, .started(instance: "train", toRun: 0, reused: 0, reasons: [], attempt: 1)),
    (63, .progress(instance: "train", StageProgress(done: 2, total: 4, unit: "steps"))),
  ]

  @Test func aJobSaysWhereItIs() {
    func shown(_ style: ProgressView.Style) -> String {
      var view = ProgressView(style: style, colour: false)
      return Self.jobScript.map { view.show($1, at: $0, size: { .init(columns: 80, lines: 24) }) }.joined()
    }
    #expect(
      shown(.plain) == """
        job   train: queued in Slurm (job 12)
        job   train: queued in Slurm (job 12, Resources)
        job   train: on n1 (Slurm job 12)
        start train

        """)
    let up = "\u{1b}[1A\r\u{1b}[J"
    #expect(
      shown(.terminal) == "train  0.0 s  queued in Slurm (job 12)\n"
        + up + "train  1.0 s  queued in Slurm (job 12, Resources)\n" + up + "train  1 min 00 s  on n1 (Slurm job 12)\n"
        + up + "train  0.0 s  on n1 (Slurm job 12)\n"
        + up + "train  [##########----------]  2/4 steps  on n1 (Slurm job 12)\n")
  }
}
