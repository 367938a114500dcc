import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Reads the inputs of a report. Every error names the file and the stage it came from.
struct ReportReader {
  var parameters: Report.Parameters

  func read(_ context: StageContext) throws -> ReportMaterial {
    var material = ReportMaterial()
    for labelled in (context.inputs["tables"] ?? []) + (context.inputs["curves"] ?? []) {
      material.inputs.append(
        .init(
          instance: labelled.instance, kind: labelled.artifact.kind.rawValue, digest: "\(labelled.artifact.digest)"))
    }
    for labelled in context.inputs["tables"] ?? [] {
      let files = labelled.artifact.files
      let results = files.keys.filter { $0 == "cross.json" || $0.hasSuffix("/cross.json") }.sorted()
      for path in results { material.evaluations.append(try evaluation(labelled, path: path)) }
      guard results.isEmpty else { continue }
      for path in files.keys.filter({ $0.hasSuffix(".csv") }).sorted() {
        let name = "\(path) of `\(labelled.instance)`"
        let table: (header: [String], rows: [[String]])
        do { table = try CSV.decodeRows(try text(files, path, name: name)) } catch let problem as CSV.Problem {
          throw StageFailure("\(name): \(problem)")
        }
        guard table.rows.count <= 200 else { continue }  // long tables belong into files, not into a page
        material.extras.append(.init(instance: labelled.instance, file: path, header: table.header, rows: table.rows))
      }
    }
    for labelled in context.inputs["curves"] ?? [] {
      let name = "history.csv of `\(labelled.instance)`"
      material.histories.append(
        try TrainingHistory(
          instance: labelled.instance, labels: labelled.labels,
          csv: try text(labelled.artifact.files, "history.csv", name: name), name: name))
    }
    return material
  }

  private func evaluation(_ labelled: LabelledArtifact, path: String) throws -> Evaluation {
    let files = labelled.artifact.files
    let folder = String(path.dropLast("cross.json".count))
    let name = "\(path) of `\(labelled.instance)`"
    var result = try EvaluationResult(decoding: try data(files, path, name: name), name: name)
    for metric in result.metrics where metric.aggregations.isEmpty {
      throw StageFailure("\(name): the metric `\(metric.id)` has no aggregation")
    }
    // Evaluations leave test sets that only a stage knows, such as `render_splat`, under their identifier.
    for index in result.tests.indices where result.tests[index].name == result.tests[index].id {
      result.tests[index].name = Titles.degradation(result.tests[index].id)
    }
    for index in result.methods.indices {
      if let given = parameters.names[result.methods[index].id] { result.methods[index].name = given }
    }
    for index in result.tests.indices {
      if let given = parameters.names[result.tests[index].id] { result.tests[index].name = given }
    }
    var samples: [SampleScore] = []
    if files[folder + "samples.csv"] != nil {
      let name = "\(folder)samples.csv of `\(labelled.instance)`"
      samples = try SampleScore.read(try text(files, folder + "samples.csv", name: name), name: name)
    }
    var pictures: [String: ReportDocument.Picture] = [:]
    for path in Set(result.panels.flatMap { $0.images.values }) {
      pictures[path] = try picture(files, folder + path, name: "\(folder)\(path) of `\(labelled.instance)`")
    }
    let instance = folder.isEmpty ? labelled.instance : labelled.instance + "/" + folder.dropLast()
    return Evaluation(instance: instance, result: result, samples: samples, pictures: pictures)
  }

  /// A picture no larger than it is shown; smaller 8-bit PNGs pass as they are.
  private func picture(_ files: [String: StoredFile], _ path: String, name: String) throws -> ReportDocument.Picture {
    let bytes = try data(files, path, name: name)
    let decoded: DecodedImage
    do { decoded = try ImageFile.read(bytes, name: name) } catch { throw StageFailure("\(error)") }
    let raster = decoded.raster
    let longest = max(raster.width, raster.height)
    if longest <= parameters.panelSize, decoded.format == .png, decoded.bitDepth == 8 {
      return .init(png: bytes, width: raster.width, height: raster.height, caption: "", alt: "")
    }
    let scale = min(1, Double(parameters.panelSize) / Double(longest))
    let width = max(1, Int((Double(raster.width) * scale).rounded()))
    let height = max(1, Int((Double(raster.height) * scale).rounded()))
    let small = scale < 1 ? Resize.area(raster, width: width, height: height) : raster
    return .init(png: try ImageFile.encode(small, as: .png8), width: width, height: height, caption: "", alt: "")
  }

  private func data(_ files: [String: StoredFile], _ path: String, name: String) throws -> Data {
    guard let file = files[path] else { throw StageFailure("\(name) is not there") }
    do { return try Data(contentsOf: file.url) } catch {
      throw StageFailure("\(name): cannot read \(file.url.path): \(error.localizedDescription)")
    }
  }

  private func text(_ files: [String: StoredFile], _ path: String, name: String) throws -> String {
    guard let text = String(data: try data(files, path, name: name), encoding: .utf8) else {
      throw StageFailure("\(name): not UTF-8 text")
    }
    return text
  }
}
