import Basics
import Foundation
import Imaging
import NN
import Testing

/// The studies of `pipelines/studies`, whole, on a handful of tiny synthetic heads: every stage really runs.
@Suite struct StudiesTests {
  /// Puts synthetic heads in the place of the user's photos and of FaceLift, as demo.yaml does.
  private static let heads = """
      heads: { uses: heads.synthesize, with: { count: 6, size: 64, gaussians: 3000, seed: 7 } }
      photos: { inputs: { folder: heads.folder }, with: { source: null, size: 64, max_border_score: null } }
      facelift:
        inputs: { folder: heads.folder }
        with: { folder: null }
        gate: { approve: automatic, message: Made by the stage `heads`. }
      dsine: { inputs: { folder: heads.folder }, with: { folder: null } }
      maps.with.opacity_threshold: 0.9
      masks.with.source: both
      split.with.validation: 0.4
    """

  private func file(_ study: String, vars: String, stages: String) -> String {
    """
    extends: \(PipelineProcess.pipelines.path)/studies/\(study).yaml
    name: tiny
    vars:
    \(vars)
    stages:
    \(stages)
    """
  }

  /// Runs a file and returns the table that it made.
  private func run(_ process: PipelineProcess, _ text: String, table: String = "table/table") throws -> JSON {
    try process.write(text, to: "tiny.yaml")
    let result = try process.run("run", "tiny.yaml")
    try #require(result.code == 0, "\(result.output)\n\(result.errors)")
    let data = try #require(process.contents("outputs/tiny/\(table)/cross.json"), "no table was published")
    #expect(process.contents("outputs/tiny/report/report/report.html") != nil)
    return try JSON(parsing: data)
  }

  private func methods(_ table: JSON) -> Set<String> {
    Set((table["methods"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue })
  }

  @Test(arguments: ["baselines", "guided", "dsdmsr", "blind-face", "mesh-protocol", "rgbd", "rgbd-dornet"])
  func theFileIsValid(_ study: String) throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let result = try process.run("validate", PipelineProcess.pipelines.path + "/studies/\(study).yaml")
    #expect(result.code == 0, "\(result.output)\(result.errors)")
  }

  @Test func baselinesCompareSixNetworks() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let dornet: JSON = ["type": "dornet", "channels": 24, "reduction": 4, "scale": 4]
    try Safetensors.data(try ModelCatalogue.make(dornet, seed: 1).stateDictionary())
      .write(to: process.folder.appendingPathComponent("dornet.safetensors"))
    let table = try run(
      process,
      file(
        "baselines",
        vars: """
            base_channels: 4
            cross_epochs: 1
            patch: 8
            channels: 4
            blocks: 1
            sgnet_channels: 16
            swin_depths: [1, 1]
            validation_patch: 8
            dornet: dornet.safetensors
          """, stages: Self.heads))
    #expect(
      methods(table) == ["bicubic", "bilinear", "unet", "edsr", "srresnet", "sgnet", "swinir", "dornet"])
  }

  @Test func guidedUsesRelativeDepth() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    // What Depth Anything would say: a bump in the middle, larger values nearer.
    var bump = Raster(width: 64, height: 64)
    for y in 0..<64 {
      for x in 0..<64 {
        let (u, v) = (Double(x) / 32 - 1, Double(y) / 32 - 1)
        bump[x, y] = Float(exp(-2 * (u * u + v * v)))
      }
    }
    let folder = process.folder.appendingPathComponent("relative")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for index in 0..<6 {
      try ImageFile.write(bump, to: folder.appendingPathComponent("\(Self.headName(index)).png"), as: .png16)
    }
    let table = try run(
      process,
      file(
        "guided",
        vars: """
            relative: relative
            width: 4
            encoder_blocks: [1, 1]
            decoder_blocks: [1, 1]
            middle_blocks: 1
            fusion_epochs: 1
            patch: 8
            validation_patch: 8
          """, stages: Self.heads + "\n  relative.with.min_agreement: -1"))
    #expect(methods(table) == ["bicubic", "fusion", "alone"])
  }

  @Test func dsdmsrIsSupervisedAtEveryScale() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let table = try run(
      process,
      file(
        "dsdmsr",
        vars: """
            deep_epochs: 1
            vdsr_channels: 4
          """, stages: Self.heads))
    #expect(methods(table) == ["bicubic", "srcnn", "vdsr"])
    let history = String(
      decoding: try #require(process.contents("outputs/tiny/srcnn/log/history.csv")), as: UTF8.self)
    for column in ["loss_deep", "loss_mse", "val_psnr", "val_psnr_x2", "val_psnr_x4", "val_psnr_x8"] {
      #expect(history.contains(column), "\(history)")
    }
    #expect(process.contents("outputs/tiny/srcnn/log/events.out.tfevents.0.pipeline") != nil)
  }

  @Test func blindFacesAreRestored() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let table = try run(
      process,
      file(
        "blind-face",
        vars: """
            size: 64
            validation: 0.4
            features: 4
            blocks: [1, 2]
            epochs: 1
            periods: [1, 1]
            patch: 8
          """,
        stages: """
            heads: { uses: heads.synthesize, with: { count: 6, size: 64, gaussians: 3000, seed: 7 } }
            photos: { inputs: { folder: heads.folder }, with: { source: null } }
          """))
    #expect(methods(table) == ["bicubic", "msrresnet@blocks=1", "msrresnet@blocks=2", "edsr"])
    #expect(table["tests"]?.arrayValue?.count == 2)
  }

  /// As `heads.synthesize` names them.
  private static func headName(_ index: Int) -> String {
    ["1 (100)_face", "2 (7)_visage é_顔", "3 [crop] Zoë", "head_004", "head_005", "head_006"][index]
  }
}
