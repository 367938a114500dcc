import Basics
import Foundation
import Pipeline
import Reporting
import Stages
import Testing

/// One protocol a table, how sure its numbers are, and several protocols side by side.
@Suite("Report statistics") struct ReportStatisticsTests {
  /// Asked for one table of two protocols, the report says why there cannot be one.
  @Test func oneTableOfTwoProtocolsIsAnError() async throws {
    let services = try FolderServices()
    var parameters = Report.Parameters()
    parameters.combine = true
    var other = SampleEvaluation.result
    other.protocol.fields[1].value = "4 px"
    let tables = [
      try ReportRun.table(services, pictures: nil),
      try ReportRun.table(services, result: other, pictures: nil, instance: "full"),
    ]
    await #expect {
      _ = try await ReportRun.run(services, tables: tables, curves: [], parameters: parameters)
    } throws: { "\($0)".contains("`cross` and `full`") && "\($0)".contains("crop border: 0 px against 4 px") }
  }

  @Test func evaluationsOfOneProtocolBecomeOneTable() async throws {
    let services = try FolderServices()
    var parameters = Report.Parameters()
    parameters.combine = true
    var other = SampleEvaluation.result
    other.methods = [MethodRecord(id: "sgnet", name: "SGNet", model: "sgnet", parameters: 9_220_000)]
    other.cells = other.cells.filter { $0.method == "dornet" }.map { cell in
      var cell = cell
      cell.method = "sgnet"
      return cell
    }
    let first = try ReportRun.table(services, pictures: nil)
    let files = try await ReportRun.run(
      services, tables: [first, try ReportRun.table(services, result: other, pictures: nil, instance: "more")],
      curves: [],
      parameters: parameters)
    let rows = try CSV.decodeRows(try #require(files["tables/all.csv"])).rows
    #expect(rows.count == 5 * 8 && rows.contains { $0[1] == "SGNet" } && rows.contains { $0[1] == "Bicubic" })
    var changed = SampleEvaluation.result
    changed.tests[2].digest = "another"
    let clash = try ReportRun.table(services, result: changed, pictures: nil, instance: "more")
    await #expect {
      _ = try await ReportRun.run(services, tables: [first, clash], curves: [], parameters: parameters)
    } throws: { "\($0)".contains("two different test sets `bicubic_q8`") }
  }

  @Test func seedsIntervalsAndTestsAreTables() async throws {
    let services = try FolderServices()
    var result = SampleEvaluation.result
    result.seedGroups = [
      SeedGroupRecord(id: "g", name: "UNet", methods: ["train@render", "train@render_q8"], seeds: [1, 2])
    ]
    result.seedCells = result.tests.map {
      CellRecord(method: "g", test: $0.id, metric: "psnr", aggregation: "mean", value: 45.5, deviation: 0.25)
    }
    result.comparisons = result.tests.map {
      ComparisonRecord(
        method: "train@\($0.id)", baseline: "bicubic", test: $0.id, metric: "psnr", pairs: 8, difference: 2.5, low: 2.1,
        high: 2.9, p: 0.0078, pHolm: 0.039)
    }
    for index in result.cells.indices where result.cells[index].aggregation == "mean" {
      result.cells[index].low = result.cells[index].value - 0.5
      result.cells[index].high = result.cells[index].value + 0.5
    }
    let files = try await ReportRun.run(
      services, tables: [try ReportRun.table(services, result: result, pictures: nil)], curves: [])
    #expect(files["tables/seeds.md"]?.contains("45.5 ± 0.2") == true)
    #expect(
      files["tables/comparison.md"]?.contains("+2.5 \\[+2.1, +2.9\\]") == true, "\(files["tables/comparison.md"] ?? "")"
    )
    #expect(files["tables/intervals.csv"]?.contains("PSNR, per sample (dB) low") == true)
    #expect(files["summary.txt"]?.contains("networks are better beyond chance in 5 of 5 cases") == true)
    let page = try #require(files["report.html"])
    #expect(page.contains("95 % intervals") && page.contains("Mean ± standard deviation over the seeds"))
  }

  /// The mesh study's page: one table a metric with a column for each protocol, and what follows from it.
  @Test func meshProtocolsStandSideBySide() async throws {
    let services = try FolderServices()
    func evaluation(_ name: String, _ scores: [String: (Double, Double)]) throws -> LabelledArtifact {
      let metrics = [
        MetricRecord(
          id: "psnr", title: "PSNR", unit: "dB", higherIsBetter: true, decimals: 2, aggregations: ["mse", "mean"]),
        MetricRecord(id: "fscore_0.01", title: "F-score at 0.01", higherIsBetter: true, decimals: 3),
        MetricRecord(id: "fscore_0.001", title: "F-score at 0.001", higherIsBetter: true, decimals: 3),
        MetricRecord(id: "chamfer_l1", title: "Chamfer-L1", higherIsBetter: false, decimals: 6),
      ]
      let methods = ["bicubic", "one", "two"]
      var cells: [CellRecord] = []
      for (index, method) in methods.enumerated() {
        let found = try #require(scores[method])
        for (metric, aggregation, value) in [
          ("psnr", "mse", 40 + Double(index)), ("fscore_0.01", "mean", found.0), ("fscore_0.001", "mean", found.1),
          ("chamfer_l1", "mean", 0.002 - found.1 * 0.001),
        ] {
          cells.append(.init(method: method, test: "render_q8", metric: metric, aggregation: aggregation, value: value))
        }
      }
      let result = EvaluationResult(
        protocol: .init(
          name: "masked, mesh \(name)", summary: "Point clouds by \(name).", fields: [.init("mesh", name)]),
        metrics: metrics, methods: methods.map { MethodRecord(id: $0, name: $0.capitalized) },
        tests: [.init(id: "render_q8", name: "render + 8-bit", samples: 4, digest: "d")], cells: cells)
      return try ReportRun.table(services, result: result, pictures: nil, instance: "mesh@\(name)")
    }
    let files = try await ReportRun.run(
      services,
      tables: [
        try evaluation("A", ["bicubic": (0.999, 0.74), "one": (0.998, 0.75), "two": (0.999, 0.76)]),
        try evaluation("B", ["bicubic": (0.993, 0.71), "one": (0.990, 0.70), "two": (0.991, 0.69)]),
      ], curves: [])
    let side = try CSV.decodeRows(try #require(files["tables/protocols-2.csv"]))
    #expect(side.header == ["Test set", "Method", "mesh A", "mesh B"] && side.rows[0][2...] == ["0.74", "0.71"])
    let text = try #require(files["summary.txt"])
    #expect(text.contains("Bicubic alone, on render + 8-bit, scores F from 0.710 to 0.999"))
    #expect(text.contains("all 3 methods differ by at most 0.020 (mesh A, F-score at 0.001)"), "\(text)")
    // The order by F at 0.001 is that by PSNR under A and its opposite under B.
    #expect(text.contains("Under mesh A") && text.contains("F-score at 0.001 1.00"))
    #expect(text.contains("F-score at 0.001 -1.00"))
    #expect(files["tables/e1-agreement.csv"] != nil)
    // What holds for both is said once, and after what follows from the protocols.
    let lines = text.split(separator: "\n").dropFirst()
    #expect(lines.first?.contains("Bicubic alone") == true && Set(lines).count == lines.count, "\(text)")
    #expect(lines.filter { $0.contains("only 4 test samples") }.count == 1, "\(text)")
  }
}
