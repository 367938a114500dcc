import Basics
import Foundation
import Pipeline

struct BenchParameters: StageParameters {
  var folder = UserPath("")
  var number = 0
  static let fields: [ParameterField<Self>] = [
    .init("folder", \.folder, "Folder read."), .init("number", \.number, "Any number."),
  ]
}

/// One sample for each file, with a record and no files: what the engine itself needs for a sample.
struct BenchCollect: SampleStage {
  typealias Parameters = BenchParameters
  static let type: StageType = "bench.collect"
  static let version = 1
  static let summary = "A sample for each file."
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("samples", "facts", .samples, doc: "")]
  static let over = SampleDriver.source("folder")

  func sources(_ parameters: Parameters) -> [ExternalSource] {
    [ExternalSource("folder", path: parameters.folder.path)]
  }

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    sample.record(["size": .int(sample.source?.size ?? 0)], port: "samples")
  }
}

/// Adds a number to the size in every record, so that a change goes through all stages.
struct BenchMap: SampleStage {
  typealias Parameters = BenchParameters
  static let type: StageType = "bench.map"
  static let version = 1
  static let summary = "A number for each sample."
  static let inputs = [InputPort("in", "facts", doc: "")]
  static let outputs = [OutputPort("samples", "facts", .samples, doc: "")]
  static let over = SampleDriver.input("in")

  func run(sample: SampleContext, _ parameters: Parameters) throws {
    let size = sample.samples["in"]?.record["size"]?.intValue ?? 0
    sample.record(["size": .int(size + parameters.number)], port: "samples")
  }
}

/// Samples through a chain of stages: a first run, one changed sample among them, and nothing changed.
func benchSamples(_ root: String, count: Int, stages: Int) throws {
  print("\n\(count) samples in \(stages) stages")
  let folder = root + "/samples"
  try makeFiles(count, in: folder + "/data")
  settle()
  var yaml = "version: 1\nname: samples\nstages:\n  s0: { uses: bench.collect, with: { folder: data } }\n"
  for index in 1..<stages {
    yaml += "  s\(index): { uses: bench.map, with: { number: \(index) }, inputs: { in: s\(index - 1).samples } }\n"
  }
  let file = folder + "/pipeline.yaml"
  try write(yaml, file)
  let first = time([own, "run", file], in: folder)
  row("first run", text(first) + "; \(text(first.seconds / Double(count * stages))) for each sample and stage")
  settle()
  let again = best(of: 3, [own, "run", file], in: folder)
  row("nothing to do", text(again))
  try write("changed", folder + "/data/0/0.txt")
  let one = time([own, "run", file], in: folder)
  row("one sample changed", text(one) + "; \(text(one.seconds / Double(count * stages))) for each cached sample")
  try FileManager.default.removeItem(atPath: folder)
}
