import Basics
import Foundation
import Pipeline
import Testing

/// Guarantee 11: what the dry run prints is what runs.
@Suite struct PlanTests {
  /// What must run, by the simplest model there is: a stage runs when it has never met its inputs with its parameters.
  struct Model {
    struct Node {
      var id: String
      var add: String
      var ignore: Bool
      var upstream: [Int]
    }

    var known: Set<String> = []

    mutating func run(_ nodes: [Node]) -> Set<String> {
      var values: [String] = []
      var ran: Set<String> = []
      for node in nodes {
        let inputs = node.upstream.map { "\(nodes[$0].id)=\(values[$0])" }.joined(separator: ",")
        let key = "\(node.id)|\(node.add)|\(node.ignore)|\(inputs)"
        if known.insert(key).inserted { ran.insert(node.id) }
        // The stage's output depends on contents only, not on names.
        let contents = node.upstream.map { values[$0] }.joined(separator: " ")
        values.append(Digest.of("\(node.ignore ? "" : node.add) \(contents)").hex)
      }
      return ran
    }
  }

  private func stages(_ bench: Bench, _ nodes: [Model.Node]) throws -> [StageInstance] {
    try nodes.map { node in
      try bench.stage(
        node.id, "toy.step", ["add": .string(node.add), "ignore": .bool(node.ignore), "choices": [.string(node.id)]],
        inputs: node.upstream.isEmpty ? [:] : ["in": node.upstream.map { "\(nodes[$0].id).table" }])
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func randomGraphsAndEdits(_ seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let bench = try Bench()
    var model = Model()
    var nodes: [Model.Node] = []
    for index in 0..<(4 + random.index(below: 5)) {
      let upstream = (0..<index).filter { _ in random.uniform() < 0.4 }
      nodes.append(.init(id: "s\(index)", add: "0", ignore: false, upstream: upstream))
    }
    for round in 0..<8 {
      if round > 0 {
        let index = random.index(below: nodes.count)
        switch random.index(below: 4) {
        case 0: nodes[index].ignore.toggle()
        case 1: nodes[index].upstream = (0..<index).filter { _ in random.uniform() < 0.4 }
        default: nodes[index].add = String(random.index(below: 3))
        }
      }
      let instances = try stages(bench, nodes)
      let plan = try bench.plan(instances)
      let expected = model.run(nodes)
      let executed = Set(try await bench.run(instances).trace)
      #expect(executed == expected, "seed \(seed), round \(round)")
      for stage in plan.stages {
        switch stage.action {
        case .run: #expect(executed.contains(stage.instance), "seed \(seed), round \(round): \(stage.instance)")
        case .upToDate: #expect(!executed.contains(stage.instance), "seed \(seed), round \(round): \(stage.instance)")
        case .dependsOnResults:
          // It may be spared, when what it reads came out as something known: the model agrees.
          if !executed.contains(stage.instance) { #expect(!expected.contains(stage.instance)) }
        default: Issue.record("\(stage)")
        }
      }
      let after = try bench.plan(instances)
      #expect(after.isUpToDate, "seed \(seed), round \(round)")
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func samplesAreForetoldOneByOne(_ seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let bench = try Bench()
    var names = (0..<8).map { "face \($0)" }
    try bench.addPhotos(names)
    try await bench.run(try bench.chain())
    for round in 0..<5 {
      for _ in 0..<(1 + random.index(below: 3)) {
        let index = random.index(below: names.count)
        switch random.index(below: 3) {
        case 0:
          names.append("new \(seed) \(round) \(names.count)")
          try bench.write("new \(random.next())", "\(bench.photos)/\(names[names.count - 1]).txt")
        case 1: try bench.write("edit \(random.next())", "\(bench.photos)/\(names[index]).txt")
        default:
          guard names.count > 2 else { continue }
          try FileManager.default.removeItem(atPath: "\(bench.photos)/\(names.remove(at: index)).txt")
        }
      }
      let plan = try bench.plan(try bench.chain())
      let foretold = [("collect", "collect"), ("map", "mapa"), ("second", "mapb")].flatMap { id, prefix in
        (plan[id]?.sampleNames ?? []).map { "\(prefix) \($0)" }
      }
      let executed = try await bench.run(try bench.chain()).trace.filter { $0 != "join" }
      #expect(foretold.sorted() == executed, "seed \(seed), round \(round)")
    }
  }

  @Test func aDryRunChangesNothing() async throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let plan = try bench.plan(try bench.chain())
    #expect(plan.stages.map(\.action) == [.run, .dependsOnResults, .dependsOnResults, .dependsOnResults])
    #expect(!FileManager.default.fileExists(atPath: bench.root + "/.pipeline"))
    #expect(bench.traceLines() == [])
  }
}
