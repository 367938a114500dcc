import Reporting
import Testing

@Suite("Run appendix") struct RunAppendixTests {
  static let appendix: RunAppendix = {
    let hex = String(repeating: "0123456789abcdef", count: 4)
    func stage(
      _ instance: String, _ type: String, _ state: GraphChart.State, _ seconds: Double?, after: [String] = [],
      samples: Int = 0
    ) -> RunAppendix.Stage {
      .init(
        instance: instance, stage: String(instance.prefix { $0 != "@" }), type: type, state: state, seconds: seconds,
        samplesRun: state == .done ? samples : 0, samplesReused: state == .done ? 0 : samples, key: hex,
        outputs: [("out", hex)], upstream: after, parameters: "{\n  \"size\": 512\n}")
    }
    let kinds = SampleEvaluation.kinds
    var stages = [
      stage("photos", "images.collect", .cached, 2.1, samples: 24),
      stage("facelift", "facelift.ingest", .cached, 3.9, after: ["photos"], samples: 24),
      stage("maps", "maps.normalize", .done, 41, after: ["facelift", "photos"], samples: 24),
      stage("normals", "normals.import", .done, 12, after: ["maps"], samples: 24),
      stage("masks", "masks.build", .done, 5, after: ["photos", "maps"], samples: 24),
      stage("split", "dataset.split", .done, 0.4, after: ["maps", "normals", "masks"], samples: 24),
    ]
    stages += kinds.map { stage("lr@\($0)", "depth.degrade", .done, 3.3, after: ["split"], samples: 24) }
    stages += kinds.map { stage("train@\($0)", "train", .done, 2140, after: ["split", "lr@\($0)"]) }
    stages.append(
      stage("cross", "evaluate.cross", .done, 380, after: kinds.flatMap { ["train@\($0)", "lr@\($0)"] } + ["split"]))
    stages.append(stage("report", "report", .done, 1.2, after: ["cross"] + kinds.map { "train@\($0)" }))
    return RunAppendix(
      run: [("Run", "20260101-120000-ab12"), ("Pipeline", "full <script>")], machine: [("Processor", "AMD & more")],
      stages: stages, files: [("full.yaml", "name: full\nvars: { a: \"<b>\" }\n")])
  }()

  @Test func namesTheHardwareOfNetworks() throws {
    #expect(!Self.appendix.provenanceSections.contains { $0.id == "hardware" }, "nothing to tell")
    var appendix = Self.appendix
    let position = try #require(appendix.stages.firstIndex { $0.type == "train" })
    appendix.stages[position].hardware = "cpu avx512, then cpu avx2"
    let section = try #require(appendix.provenanceSections.first { $0.id == "hardware" })
    let page = ReportPage.html(ReportDocument(title: "T", subtitle: "s", sections: [section]))
    #expect(page.contains("cpu avx512, then cpu avx2") && page.contains(appendix.stages[position].instance))
  }

  @Test func extendsAPage() throws {
    let page = ReportPage.html(
      ReportDocument(
        title: "T", subtitle: "s",
        sections: [
          .init(id: "run-slot", title: "Run", blocks: [.slot("run")]),
          .init(id: "x", title: "X", blocks: [.paragraph("x")]),
          .init(id: "provenance", title: "P", blocks: [.slot("provenance")]),
        ]))
    let extended = try #require(Self.appendix.extend(page))
    let elements = try parseXML(extended.replacing("<!DOCTYPE html>\n", with: ""))
    #expect(
      elements.filter { $0.name == "section" }.compactMap { $0.attributes["id"] }
        == ["run", "x", "configuration", "keys", "machine"])
    let ids = elements.compactMap { $0.attributes["id"] }
    #expect(ids.count == Set(ids).count)
    #expect(elements.contains { $0.name == "code" && $0.text == "name: full\nvars: { a: \"<b>\" }\n" })
    #expect(Self.appendix.extend("<html></html>") == nil)
  }

  @Test func instancesOfAStageAreOneNode() throws {
    let graph = Self.appendix.graph
    #expect(
      graph.nodes.map(\.id) == [
        "photos", "facelift", "maps", "normals", "masks", "split", "lr", "train", "cross", "report",
      ])
    let train = try #require(graph.nodes.first { $0.id == "train" })
    #expect(train.detail == "train × 5" && train.seconds == 5 * 2140 && train.state == .done)
    #expect(graph.edges.filter { $0.to == "cross" }.map(\.from) == ["train", "lr", "split"])
    try expectGolden(graph.drawing.svg, "graph.svg")
  }

  /// A failed instance shows through a group of others that ended well.
  @Test func theWorstStateOfAGroupShows() {
    var appendix = Self.appendix
    appendix.stages[8].state = .failed
    #expect(appendix.graph.nodes.first { $0.id == "lr" }?.state == .failed)
  }
}
