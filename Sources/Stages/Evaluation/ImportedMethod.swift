import Foundation
import Imaging
import Pipeline

/// Predictions made elsewhere, by sample.
struct ImportedMethod: DepthMethod {
  let record: MethodRecord
  private let samples: [String: Sample]

  init(_ labelled: LabelledArtifact) {
    let name = labelled.artifact.samples.first?.record["method"]?.stringValue
    record = MethodRecord(
      id: labelled.instance, name: name ?? Labels.title(of: labelled, fallback: labelled.instance),
      digest: labelled.artifact.digest.short)
    samples = Dictionary(labelled.artifact.samples.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func predict(_ low: Raster, width: Int, height: Int, photo: Raster?, sample: String) throws -> Raster {
    guard let file = samples[sample]?.files["depth.png"] else {
      throw StageFailure(
        "`\(record.id)` holds no prediction for `\(sample)`", help: "predict every sample that is scored")
    }
    let depth = try SampleImage.grey(file, label: "prediction of `\(sample)`")
    guard (depth.width, depth.height) == (width, height) else {
      throw StageFailure(
        "the prediction of `\(sample)` by `\(record.id)` is \(depth.width) x \(depth.height), the ground truth "
          + "\(width) x \(height)")
    }
    return depth
  }
}
