import Basics
import Foundation
import Pipeline
import Testing

@Suite struct GraphTests {
  /// Work grows with vertices and edges and with nothing else: counted, not timed.
  @Test(arguments: [1_000, 10_000, 100_000]) func orderLooksAtEverythingOnce(_ count: Int) {
    var random = SeededRandom(seed: 1)
    let upstream = (0..<count).map { vertex in
      vertex == 0 ? [] : Array(Set((0..<3).map { _ in random.index(below: vertex) })).sorted()
    }
    let edges = upstream.reduce(0) { $0 + $1.count }
    var visits = 0
    let order = Graph(upstream: upstream).topologicalOrder(visits: &visits)
    #expect(order == .sorted(Array(0..<count)))
    #expect(visits == count + edges)
  }

  /// A chain as deep as the graph must not exhaust the stack.
  @Test func chainsDoNotRecurse() {
    let count = 100_000
    let upstream = (0..<count).map { $0 + 1 < count ? [$0 + 1] : [] }
    #expect(Graph(upstream: upstream).topologicalOrder() == .sorted(Array((0..<count).reversed())))
    #expect(Graph(upstream: upstream).ancestors(of: [0]).count == count)
  }

  @Test func randomGraphsAreOrderedOrHaveACycle() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededRandom(seed: seed)
    for _ in 0..<500 {
      let count = 1 + random.index(below: 12)
      let upstream = (0..<count).map { _ in
        (0..<count).filter { _ in random.index(below: 8) == 0 }
      }
      let graph = Graph(upstream: upstream)
      switch graph.topologicalOrder() {
      case .sorted(let order):
        #expect(order.sorted() == Array(0..<count), "seed \(seed)")
        var place = [Int](repeating: 0, count: count)
        for (position, vertex) in order.enumerated() { place[vertex] = position }
        for vertex in 0..<count {
          for source in upstream[vertex] { #expect(place[source] < place[vertex], "seed \(seed)") }
        }
      case .cycle(let cycle):
        #expect(!cycle.isEmpty && Set(cycle).count == cycle.count, "seed \(seed)")
        for (position, vertex) in cycle.enumerated() {
          #expect(upstream[vertex].contains(cycle[(position + 1) % cycle.count]), "seed \(seed)")
        }
      }
      // Ancestors against the definition: what a walk along any path can reach.
      let start = random.index(below: count)
      var reached: Set<Int> = [start]
      for _ in 0..<count { for vertex in reached { reached.formUnion(upstream[vertex]) } }
      #expect(graph.ancestors(of: [start]) == reached, "seed \(seed)")
      for vertex in 0..<count {
        #expect(graph.descendants(of: [vertex]).contains(start) == reached.contains(vertex), "seed \(seed)")
      }
    }
  }

  // MARK: - Drawings

  enum Form: String, CaseIterable { case text, dot, mermaid, svg }

  @Test(arguments: Form.allCases) func drawings(_ form: Form) throws {
    let pipeline = try Specification.load(
      file: "Good/full.yaml", catalogue: TestCatalogue.catalogue, directory: testFolder)
    let drawing = GraphDrawing(pipeline)
    let (text, name) =
      switch form {
      case .text: (drawing.text, "full.txt")
      case .dot: (drawing.dot, "full.dot")
      case .mermaid: (drawing.byStage.mermaid, "full.mmd")
      case .svg: (drawing.svg, "full.svg")
      }
    try expectGolden(text, "Good/\(name)")
  }

  @Test func targetsLeaveTheRestOut() throws {
    let pipeline = try Specification.load(
      file: "Good/full.yaml", catalogue: TestCatalogue.catalogue, directory: testFolder)
    #expect(GraphDrawing(pipeline, targets: ["split"]).boxes.map(\.name) == ["photos", "facelift", "split"])
  }
}

/// Compares with a file beside the tests; `RECORD=1` writes it, and the test still fails.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let url = URL(fileURLWithPath: "\(testFolder)/\(name)")
  if ProcessInfo.processInfo.environment["RECORD"] != nil {
    try Data(text.utf8).write(to: url)
    Issue.record("recorded \(name)", sourceLocation: sourceLocation)
    return
  }
  let expected = try String(contentsOf: url, encoding: .utf8)
  #expect(text == expected, sourceLocation: sourceLocation)
}
