import Basics
import Foundation
import Imaging
import Pipeline
import Reporting
import Stages
import Synchronization

/// An evaluation with the published 5x5 numbers (domain facts: PSNR, rows train, columns test) and made-up samples around
/// them, as an evaluation stage would write it. Names hold everything that could break a page.
enum SampleEvaluation {
  static let kinds = ["bicubic", "bicubic_noise", "bicubic_q8", "render", "render_q8"]
  static let psnr: [[Double]] = [
    [44.6, 35.8, 44.5, 43.2, 43.1], [41.2, 40.9, 41.2, 40.4, 40.5], [44.6, 36.0, 44.5, 43.3, 43.3],
    [40.5, 32.7, 40.4, 46.2, 45.9], [40.6, 33.2, 40.5, 45.7, 45.5],
  ]
  static let bicubic = [42.3, 33.9, 41.8, 43.4, 41.7]
  static let sampleNames = [
    "1 (100)_face", "Zoë <b>&\"', x", "face 2", "face 10", "🙂 smile", "a_b%c#d$e", "=1+1", "\\LaTeX{}",
  ]

  static var result: EvaluationResult {
    let methods =
      [MethodRecord(id: "bicubic", name: "Bicubic")]
      + kinds.map {
        MethodRecord(
          id: "train@\($0)", name: Titles.degradation($0), trainedOn: $0, model: "depth-upres-unet",
          parameters: 7_773_505, digest: String(repeating: "ab", count: 32))
      } + [MethodRecord(id: "dornet", name: "DORNet, zero shot", model: "dornet", parameters: 3_050_000)]
    let metrics = [
      MetricRecord(
        id: "psnr", title: "PSNR", unit: "dB", higherIsBetter: true, decimals: 1, aggregations: ["mean", "mse"]),
      MetricRecord(id: "l1", title: "L1", higherIsBetter: false, decimals: 5),
      MetricRecord(id: "rmse", title: "RMSE", higherIsBetter: false, decimals: 5),
      MetricRecord(id: "ssim", title: "SSIM", higherIsBetter: true, decimals: 4),
      MetricRecord(id: "l1_full", title: "L1 (full view)", higherIsBetter: false, decimals: 5),
    ]
    var cells: [CellRecord] = []
    for method in methods {
      for (t, test) in kinds.enumerated() {
        let base = psnr(method.id, t)
        func add(_ metric: String, _ aggregation: String, _ value: Double, _ deviation: Double?) {
          cells.append(
            .init(
              method: method.id, test: test, metric: metric, aggregation: aggregation, value: value,
              deviation: deviation))
        }
        add("psnr", "mean", base, 1.25)
        add("psnr", "mse", base - 0.7, nil)
        let rmse = pow(10, -base / 20)
        add("l1", "mean", rmse * 0.45, rmse * 0.06)
        add("rmse", "mean", rmse, rmse * 0.1)
        add("ssim", "mean", 1 - rmse * 1.7, 0.002)
        add("l1_full", "mean", method.trainedOn == nil ? rmse * 0.2 : rmse * 0.9, nil)
      }
    }
    return EvaluationResult(
      protocol: .init(
        name: "masked face", summary: "Masked to the face, value range 1, whole maps, 8 samples.",
        fields: [
          .init("mask", "face mask from the photo"), .init("crop border", "0 px"), .init("value range", "1"),
          .init("aggregations", "mean over samples; PSNR of the mean squared error over samples"),
        ]),
      metrics: metrics, methods: methods,
      tests: kinds.map {
        .init(
          id: $0, name: Titles.degradation($0), samples: sampleNames.count,
          digest: String(repeating: "0c", count: 32))
      }, cells: cells)
  }

  static func psnr(_ method: String, _ test: Int) -> Double {
    if method == "bicubic" { return bicubic[test] }
    if method == "dornet" { return bicubic[test] + 0.35 }
    return kinds.firstIndex { method == "train@\($0)" }.map { psnr[$0][test] } ?? .nan
  }

  static var samplesCSV: String {
    var records = [["sample", "method", "test", "metric", "value"]]
    for method in result.methods {
      for (t, test) in kinds.enumerated() {
        for (s, sample) in sampleNames.enumerated() {
          let offset = [-1.9, 0.4, 1.1, -0.6, 0.2, 1.7, -0.3, -0.6][s]
          records.append([sample, method.id, test, "psnr", Numbers.exact(psnr(method.id, t) + offset)])
        }
      }
    }
    return CSV.encode(records)
  }

  static func history(_ kind: Int) -> String {
    var text = "epoch,train_loss,val_l1,val_psnr,lr\n"
    for epoch in 1...30 {
      let t = Double(epoch)
      let floor = [0.0021, 0.0035, 0.0023, 0.0019, 0.0022][kind]
      let wave = sin(t * 1.7 + Double(kind)) * 0.04
      let l1 = floor * (1 + 5 / t) * (1 + wave)
      text += "\(epoch),\(0.004 + 0.03 / t),\(l1),\(-20 * log10(l1) - 6),\(1e-4 * (1 + cos(.pi * t / 30)) / 2)\n"
    }
    return text
  }
}

/// Keeps what a stage writes in a temporary folder.
final class FolderServices: StageServices {
  let folder: URL
  private let count = Mutex(0)

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }  // a leftover temporary folder harms nothing

  func store(_ data: Data) throws -> StoredFile {
    let number = count.withLock { value in
      value += 1
      return value
    }
    let url = folder.appendingPathComponent("\(number)")
    try data.write(to: url)
    return StoredFile(digest: Digest.of(data), size: data.count, url: url)
  }

  func store(contentsOf url: URL) throws -> StoredFile { try store(Data(contentsOf: url)) }
  func report(_ progress: StageProgress) {}
  func log(_ line: String) {}
  var isStopping: Bool { false }
}
