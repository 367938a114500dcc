import Basics
import Foundation
import NN
import Pipeline
import Stages
import Testing

/// The options of a network in a file are fields like all others.
@Suite struct ModelChoiceTests {
  /// The errors of a file with one stage, `model:` on line 6.
  private func problems(_ model: String) throws -> [Diagnostic] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover harms no test
    let text = """
      version: 1
      stages:
        net:
          uses: weights.import
          with:
            model: \(model)
            file: net.pth

      """
    try Data(text.utf8).write(to: folder.appending(path: "test.yaml"))
    do throws(SpecificationErrors) {
      _ = try Specification.load(file: "test.yaml", catalogue: .standard, directory: folder.path)
      return []
    } catch {
      return error.diagnostics
    }
  }

  static let broken: [(model: String, column: Int, message: String, help: String?)] = [
    ("{ type: edsr, blcoks: 3 }", 28, "`edsr` has no parameter `blcoks`", "did you mean `blocks`?"),
    ("{ type: edsrr, blocks: 3 }", 22, "expected one of depth-upres-unet, ", "did you mean `edsr`?"),
    ("{ type: edsr, blocks: 0 }", 36, "`blocks` must be 1...1000, not 0", nil),
    ("{ type: edsr, blocks: many }", 36, "expected an integer, found `many`, a string", nil),
    ("{ type: edsr, scale: 5 }", 35, "expected one of 1, 2, 3, 4, 8, 16, 32, found `5`", nil),
    ("{ type: dsdmsr, unit: vds }", 36, "expected one of srcnn, vdsr, found `vds`", "did you mean `vdsr`?"),
    ("{ type: swinir, depths: [2, x] }", 42, "expected an integer, found `x`, a string", nil),
    ("{ type: swinir, heads: [5, 5] }", 14, "model `swinir`: `heads` needs a divisor", nil),
    ("{ blocks: 3 }", 14, "missing parameter `type`", nil),
    ("edsr", 14, "expected a map with `type`, found `edsr`, a string", nil),
  ]

  @Test(arguments: broken.map(\.model)) func mistakesAreNamedWhereTheyStand(_ model: String) throws {
    let expected = try #require(Self.broken.first { $0.model == model })
    let found = try problems(model)
    #expect(found.count == 1)
    let first = try #require(found.first)
    #expect(first.message.hasPrefix(expected.message), "\(first.message)")
    #expect(first.mark?.line == 6 && first.mark?.column == expected.column, "\(String(describing: first.mark))")
    if let help = expected.help { #expect(first.help == help) }
  }

  @Test func allMistakesAreReportedAtOnce() throws {
    let found = try problems("{ type: edsr, blcoks: 3, scale: 5, channels: 0 }")
    #expect(found.count == 3)
  }

  /// What a file writes is what the key holds: nothing is added, so that keys stay when a network gets another option.
  @Test func theKeyHoldsTheMapAsItIsWritten() throws {
    func key<S: Stage>(_ type: S.Type, _ with: JSON) throws -> JSON? {
      try S.Parameters(parameter: Pipeline.Node(with)).parameterJSON
    }
    let model: JSON = ["type": "edsr", "blocks": 3.0]
    let (train, weights) = (
      try #require(StageCatalogue.standard["train"]), try #require(StageCatalogue.standard["weights.import"])
    )
    for found in [try key(train, ["model": model]), try key(weights, ["model": model, "file": "a"])] {
      #expect(found?["model"] == ["type": "edsr", "blocks": 3])
    }
  }

  /// The key of `train` names the weights of the 14 first terms and no other term at its standard weight.
  @Test func theKeyOfTheLossStaysWhenTermsAreAdded() throws {
    func key<S: Stage>(_ type: S.Type) throws -> JSON? { try S.Parameters(parameter: Pipeline.Node([:])).parameterJSON }
    let type = try #require(StageCatalogue.standard["train"])
    #expect(
      try key(type)?["loss"]?.canonical == #"""
        {"charbonnier":0.0,"charbonnier_epsilon":1e-12,"deep":0.0,"frequency":0.0,"gate_balance":0.0,"gradient":0.5,"gradient_map":0.0,"l1":1.0,"mse":0.0,"normals":{"source":"none","weight":0.0},"psnr":0.0,"redegradation":0.0,"sobel":0.0,"sobel_magnitude":0.0,"ssim":0.0}
        """#)
    #expect(try key(type)?["schedule"] == "cosine")
  }

  /// Every schedule of the fields is one of the network library, with its standard numbers.
  @Test func everyScheduleIsKnown() throws {
    let type = try #require(StageCatalogue.standard["train"])
    func check<S: Stage>(_ type: S.Type) throws {
      guard case .object(let fields) = S.Parameters.parameterType,
        case .tagged(let schedule)? = fields.first(where: { $0.name == "schedule" })?.type
      else {
        Issue.record("`schedule` is not a map with a type")
        return
      }
      #expect(schedule.cases.count == 6)
      for item in schedule.cases {
        var description: [String: JSON] = ["type": .string(item.name)]
        for field in item.fields { description[field.name] = field.defaultValue ?? [1, 2] }
        _ = try LearningRateSchedule(description: .object(description), defaultPeriod: 10)
      }
    }
    try check(type)
  }
}
