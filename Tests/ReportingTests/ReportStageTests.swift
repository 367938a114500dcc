import Basics
import Foundation
import Imaging
import Pipeline
import Reporting
import Stages
import Testing

/// Runs the stage as the engine does, on artifacts in a temporary folder.
enum ReportRun {
  /// 8-bit pictures of a shaded ball, so that a person who looks at the sample page sees something.
  static func picture(_ phase: Float, size: Int = 96) throws -> Data {
    var raster = Raster(width: size, height: size, channels: 3, repeating: 0.12)
    for y in 0..<size {
      for x in 0..<size {
        let u = (Float(x) + 0.5) / Float(size) * 2 - 1
        let v = (Float(y) + 0.5) / Float(size) * 2 - 1
        let r = u * u + v * v
        guard r < 0.8 else { continue }
        let z = (1 - r).squareRoot()
        let light = max(0, -0.5 * u - 0.6 * v + 0.62 * z)
        for c in 0..<3 { raster[x, y, c] = min(1, light * (1 - 0.15 * Float(c) * phase) + 0.08) }
      }
    }
    return try ImageFile.encode(raster, as: .png8)
  }

  static func panels(_ result: inout EvaluationResult, size: Int) throws -> [String: Data] {
    var files: [String: Data] = [:]
    let roles = [
      "photo", "input", "prediction", "truth", "relief_input", "relief_prediction", "relief_truth", "baseline_error",
      "error",
    ]
    for kind in SampleEvaluation.kinds.suffix(2) {
      for (n, rank) in ["best", "median", "worst"].enumerated() {
        var images: [String: String] = [:]
        for (r, role) in roles.enumerated() {
          let path = "panels/\(kind)/\(rank)/\(role).png"
          images[role] = path
          files[path] = try picture(Float(r) / 3, size: size)
        }
        result.panels.append(
          PanelRecord(
            rank: rank, sample: SampleEvaluation.sampleNames[n], method: "train@\(kind)", test: kind, metric: "psnr",
            value: 47.1 - Double(n) * 1.5, errorLimit: 0.02, images: images))
      }
    }
    return files
  }

  static func table(
    _ services: FolderServices, result given: EvaluationResult? = nil, pictures: Int? = 96, instance: String = "cross"
  ) throws -> LabelledArtifact {
    var result = given ?? SampleEvaluation.result
    var files: [String: StoredFile] = [:]
    if let pictures {
      for (path, data) in try panels(&result, size: pictures) { files[path] = try services.store(data) }
    }
    files["cross.json"] = try services.store(try result.encoded())
    files["samples.csv"] = try services.store(Data(SampleEvaluation.samplesCSV.utf8))
    return .init(
      instance: instance, labels: [:], artifact: Artifact(kind: .table, digest: Digest.of("table"), files: files))
  }

  static func logs(_ services: FolderServices) throws -> [LabelledArtifact] {
    try SampleEvaluation.kinds.enumerated().map { index, kind in
      let file = try services.store(Data(SampleEvaluation.history(index).utf8))
      return .init(
        instance: "train@\(kind)", labels: ["kind": .string(kind)],
        artifact: Artifact(kind: .log, digest: Digest.of(kind), files: ["history.csv": file]))
    }
  }

  /// Text of everything the stage wrote, by path.
  static func run(
    _ services: FolderServices, tables: [LabelledArtifact], curves: [LabelledArtifact],
    parameters: Report.Parameters = .init()
  ) async throws -> [String: String] {
    let outputs = OutputCollector()
    let context = StageContext(
      inputs: ["tables": tables, "curves": curves], sources: [:], seed: 0, threads: 1, scratch: services.folder,
      services: services, outputs: outputs)
    try await Report().run(context, parameters)
    return try outputs.files("report").mapValues { String(decoding: try Data(contentsOf: $0.url), as: UTF8.self) }
  }
}

@Suite("Report stage") struct ReportStageTests {
  @Test func writesPageTablesAndFigures() async throws {
    let services = try FolderServices()
    let files = try await ReportRun.run(
      services, tables: [try ReportRun.table(services)], curves: try ReportRun.logs(services))
    let page = try #require(files["report.html"])
    let elements = try parseXML(page.replacing("<!DOCTYPE html>\n", with: ""))
    let ids = elements.compactMap { $0.attributes["id"] }
    #expect(ids.count == Set(ids).count, "identifiers are unique")
    let sections = elements.filter { $0.name == "section" }.compactMap { $0.attributes["id"] }
    #expect(sections == ["summary", "cross", "methods", "samples", "panels", "curves", "protocol", "digests"])
    #expect(elements.filter { $0.name == "img" }.count == 54)
    for name in ["cross-psnr", "cross-psnr-difference", "cross-l1"] {
      let figure = try #require(files["figures/\(name).svg"])
      _ = try parseXML(figure)
      for kind in ["pdf", "png"] { #expect(files["figures/\(name).\(kind)"] != nil) }
      for kind in ["csv", "md", "tex"] { #expect(files["tables/\(name).\(kind)"] != nil) }
    }
    for name in ["parameters", "distribution", "curve-val-l1", "curve-train-loss"] {
      _ = try parseXML(try #require(files["figures/\(name).svg"]))
    }
    #expect(files["tables/matched.tex"]?.contains("\\toprule") == true)
    try expectGolden(try #require(files["summary.txt"]), "summary.txt")
    try expectGolden(try #require(files["tables/cross-psnr.csv"]), "cross-psnr.csv")
    // For looking at: REPORT_SAMPLE=<folder> keeps what was written.
    if let folder = ProcessInfo.processInfo.environment["REPORT_SAMPLE"] {
      var files = files
      files["run.html"] = RunAppendixTests.appendix.extend(page)
      for (path, text) in files {
        let url = URL(fileURLWithPath: folder).appendingPathComponent(path)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
      }
    }
  }

  @Test func sameInputsGiveTheSameBytes() async throws {
    let one = try FolderServices()
    let two = try FolderServices()
    let a = try await ReportRun.run(one, tables: [try ReportRun.table(one)], curves: try ReportRun.logs(one))
    let b = try await ReportRun.run(two, tables: [try ReportRun.table(two)], curves: try ReportRun.logs(two))
    #expect(a == b)
  }

  @Test func everyNumberOfTheMatrixIsInTheCSV() async throws {
    let services = try FolderServices()
    let files = try await ReportRun.run(services, tables: [try ReportRun.table(services, pictures: nil)], curves: [])
    let (header, rows) = try CSV.decodeRows(try #require(files["tables/cross-psnr.csv"]))
    #expect(header == ["Trained on", "bicubic", "bicubic + noise", "bicubic + 8-bit", "render", "render + 8-bit"])
    #expect(rows.map { $0.dropFirst().compactMap(Double.init) } == SampleEvaluation.psnr)
    let difference = try CSV.decodeRows(try #require(files["tables/cross-psnr-difference.csv"])).rows
    for (r, row) in difference.enumerated() {
      #expect(row[r + 1] == "0")
      for c in 0..<5 {
        let value = try #require(Double(row[c + 1]))
        #expect(abs(value - (SampleEvaluation.psnr[r][c] - SampleEvaluation.psnr[c][c])) < 1e-9)
      }
    }
  }

  @Test func largePicturesAreReduced() async throws {
    let services = try FolderServices()
    var parameters = Report.Parameters()
    parameters.panelSize = 64
    let files = try await ReportRun.run(
      services, tables: [try ReportRun.table(services, pictures: 200)], curves: [], parameters: parameters)
    let images = try parseXML(try #require(files["report.html"]).replacing("<!DOCTYPE html>\n", with: ""))
      .filter { $0.name == "img" }
    for image in images {
      let data = try #require(Data(base64Encoded: String(image.attributes["src", default: ""].dropFirst(22))))
      let raster = try ImageFile.read(data, name: "embedded").raster
      #expect(raster.width == 64 && raster.height == 64 && image.attributes["width"] == "64")
    }
    #expect(images.count == 54)
  }

  @Test func aNetworkWorseThanInterpolationIsAWarning() async throws {
    let services = try FolderServices()
    var result = SampleEvaluation.result
    for index in result.cells.indices
    where result.cells[index].method == "train@render" && result.cells[index].metric == "psnr" {
      result.cells[index].value = 30
    }
    let files = try await ReportRun.run(
      services, tables: [try ReportRun.table(services, result: result, pictures: nil)], curves: [])
    #expect(files["report.html"]?.contains("UNet (render) does not beat interpolation on render") == true)
    #expect(files["summary.txt"]?.contains("training was too short or went wrong") == true)
  }

  /// Networks that win by PSNR inside the mask and lose over the full view are not praised without a word.
  @Test func metricsThatDisagreeAreAWarning() async throws {
    let services = try FolderServices()
    let files = try await ReportRun.run(services, tables: [try ReportRun.table(services, pictures: nil)], curves: [])
    let text = "not every metric agrees. By L1 (full view), networks fall behind interpolation"
    #expect(files["report.html"]?.contains(text) == true)
    var result = SampleEvaluation.result
    result.metrics.removeAll { $0.id == "l1_full" }
    let without = try await ReportRun.run(
      services, tables: [try ReportRun.table(services, result: result, pictures: nil)], curves: [])
    #expect(without["report.html"]?.contains("not every metric agrees") == false)
  }

  @Test func protocolsAreNeverMixedSilently() async throws {
    let services = try FolderServices()
    var other = SampleEvaluation.result
    other.protocol.name = "full view"
    let files = try await ReportRun.run(
      services,
      tables: [
        try ReportRun.table(services, pictures: nil),
        try ReportRun.table(services, result: other, pictures: nil, instance: "full"),
      ], curves: [])
    let page = try #require(files["report.html"])
    #expect(page.contains("different protocols"))
    let ids = try parseXML(page.replacing("<!DOCTYPE html>\n", with: "")).compactMap { $0.attributes["id"] }
    #expect(ids.count == Set(ids).count && ids.contains("e1-cross") && ids.contains("e2-cross"))
  }

  @Test func aReportOfNothingSaysSo() async throws {
    let services = try FolderServices()
    let files = try await ReportRun.run(services, tables: [], curves: [])
    #expect(files["report.html"]?.contains("No evaluation was given") == true)
  }

  @Test func otherTablesArePrinted() async throws {
    let services = try FolderServices()
    let file = try services.store(Data("scale,RMSE\n4,2.267\n8,4.088\n".utf8))
    let table = LabelledArtifact(
      instance: "rgbd", labels: [:],
      artifact: Artifact(kind: .table, digest: Digest.of("x"), files: ["bicubic.csv": file]))
    let files = try await ReportRun.run(services, tables: [table], curves: [])
    #expect(files["tables/extra-rgbd-bicubic-csv.csv"] == "scale,RMSE\r\n4,2.267\r\n8,4.088\r\n")
  }

  @Test func damagedInputsAreNamed() async throws {
    let services = try FolderServices()
    let newest = String(decoding: try newer(), as: UTF8.self)
    func failure(_ name: String, _ text: String, kind: ArtifactKind = .table, port: String = "tables") async -> String {
      do {
        let file = try services.store(Data(text.utf8))
        let artifact = LabelledArtifact(
          instance: "cross", labels: [:], artifact: Artifact(kind: kind, digest: Digest.of("x"), files: [name: file]))
        _ = try await ReportRun.run(
          services, tables: port == "tables" ? [artifact] : [], curves: port == "tables" ? [] : [artifact])
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(await failure("cross.json", "{").contains("cross.json of `cross`"))
    #expect(
      await failure("cross.json", newest).contains("format `evaluation/9`"))
    #expect(await failure("t.csv", "a,b\n1\n").contains("t.csv of `cross`: line 2: 1 fields where the header has 2"))
    #expect(await failure("other.txt", "", kind: .log, port: "curves").contains("history.csv of `cross` is not there"))
  }

  private func newer() throws -> Data {
    var result = SampleEvaluation.result
    result.format = "evaluation/9"
    return try result.encoded()
  }
}
