import Basics
import Foundation
import Pipeline

/// A tree of small stages: stage i reads from stage (i - 1) / 4.
func tree(_ count: Int, name: String = "tree") -> String {
  var yaml = "version: 1\nname: \(name)\nstages:\n"
  for index in 0..<count {
    yaml += "  s\(index):\n    uses: toy.step\n    with: { add: \"number \(index)\" }\n"
    if index > 0 { yaml += "    inputs: { in: s\((index - 1) / 4).table }\n" }
  }
  return yaml
}

/// The same tree for ninja.
func ninjaTree(_ count: Int) -> String {
  var text = "rule touch\n  command = touch $out\n"
  for index in 0..<count {
    text += "build out/s\(index): touch" + (index > 0 ? " out/s\((index - 1) / 4)\n" : "\n")
  }
  return text
}

/// A no-op of many stages, against ninja and against what DVC needs for 200.
func benchStages(_ root: String, count: Int) throws {
  setenv("NOT_DURABLE", "1", 1)  // what is timed writes nothing
  defer { unsetenv("NOT_DURABLE") }
  for count in [200, count] {
    print("\n\(count) stages, nothing to do")
    let folder = root + "/stages"
    let file = folder + "/pipeline.yaml"
    try write(tree(count), file)
    let fill = time([own, "fill", file], in: folder)
    row("filled by one process, nothing synced", "\(text(fill.seconds / Double(count))) a stage")
    let first = time([own, "run", file], in: folder)
    row("the first run: looks at everything, publishes it", text(first))
    settle()
    _ = time([own, "run", file], in: folder)
    let known = best([own, "run", file], in: folder)
    row("run again", text(known))
    try FileManager.default.removeItem(atPath: folder + "/.pipeline/index/proofs")
    let looking = time([own, "run", file], in: folder)
    row("run again without what the last run noted", text(looking))
    row("validate", text(best(of: 3, [own, "validate", file], in: folder)))
    if count == 200 {
      row("DVC 3.67 at 200 stages (1.9 s on such a machine)", String(format: "%.0fx", 1.9 / known.seconds))
    }
    if hasNinja {
      let ninja = root + "/ninja"
      try write(ninjaTree(count), ninja + "/build.ninja")
      try FileManager.default.createDirectory(atPath: ninja + "/out", withIntermediateDirectories: true)
      _ = time(["ninja"], in: ninja)
      // Neighbours in time, so that both meet the same load.
      var ratios: [Double] = []
      var reference = Timing(seconds: .infinity, processor: 0, peakBytes: 0, status: 0)
      for _ in 0..<7 {
        let theirs = time(["ninja"], in: ninja)
        let ours = time([own, "run", file], in: folder)
        ratios.append(ours.seconds / theirs.seconds)
        if theirs.seconds < reference.seconds { reference = theirs }
      }
      row("ninja", text(reference))
      row("this / ninja, median of neighbours", String(format: "%.1f", ratios.sorted()[ratios.count / 2]))
      try FileManager.default.removeItem(atPath: ninja)
    }
    try FileManager.default.removeItem(atPath: folder)
  }
}

/// Reading and planning grow linearly.
func benchPlanning(_ root: String) throws {
  print("\nReading a file and planning with an empty store")
  for count in [1_000, 10_000, 100_000] {
    let folder = root + "/plan"
    let file = folder + "/pipeline.yaml"
    try write(tree(count), file)
    var pipeline: ResolvedPipeline?
    let reading = try seconds { pipeline = try load(file) }
    let planning = try seconds {
      let plan = try Inspection.plan(
        pipeline!, store: Store(root: folder + "/.pipeline"), options: PlanOptions(outputsFolder: folder + "/outputs"))
      guard plan.stages.count == count else { fatalError("the plan has \(plan.stages.count) stages") }
    }
    row(
      "\(count) stages",
      "read \(text(reading)) (\(text(reading / Double(count))) each), plan \(text(planning)) "
        + "(\(text(planning / Double(count))) each)")
    try FileManager.default.removeItem(atPath: folder)
  }
}

/// What a stage costs besides its work.
func benchOverhead(_ root: String) async throws {
  print("\nOverhead of a stage (200 toy stages in a chain)")
  let folder = root + "/overhead"
  let file = folder + "/pipeline.yaml"
  var yaml = "version: 1\nname: overhead\nstages:\n"
  for index in 0..<200 {
    yaml += "  s\(index): { uses: toy.step, with: { add: \"\(index)\" }"
    yaml += index > 0 ? ", inputs: { in: s\(index - 1).table } }\n" : " }\n"
  }
  try write(yaml, file)
  let fill = try await InProcessRun.bringUpToDate(load(file), store: Store(root: folder + "/in-process"))
  row("without a process of its own, everything synced to disk", text(fill.sorted()[fill.count / 2]) + " (median)")
  let start = best(of: 9, [own, "worker", "/nonexistent"], in: folder)
  row("start and end of a worker process that does nothing", text(start))
  // Neighbours in time, so that both meet the same load.
  var forked: [Double] = []
  var started: [Double] = []
  for _ in 0..<3 {
    forked.append(time([own, "run", file], in: folder).seconds / 200)
    try FileManager.default.removeItem(atPath: folder + "/.pipeline")
    setenv("START_WORKERS", "1", 1)
    started.append(time([own, "run", file], in: folder).seconds / 200)
    unsetenv("START_WORKERS")
    try FileManager.default.removeItem(atPath: folder + "/.pipeline")
  }
  let (fork, direct) = (forked.sorted()[1], started.sorted()[1])
  row("a run, for each stage with its process (median)", text(fork))
  row("the same without a fork server", text(direct))
  row("  of that beyond the start of the process", text(direct - start.seconds))
  row("without a fork server / with it", String(format: "%.1fx", direct / fork))
  try FileManager.default.removeItem(atPath: folder)
}

/// The command itself.
func benchStart(_ root: String) async throws {
  print("\nStart of the command")
  row("pipeline --version", text(best(of: 15, [pipelineCommand, "--version"], in: root)))
  row("/bin/true", text(best(of: 15, ["/bin/true"], in: root)))
}
