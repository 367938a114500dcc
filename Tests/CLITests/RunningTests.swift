import Foundation
import Testing

/// What a user meets when running a pipeline, with the real command.
@Suite struct RunningTests {
  private static let small = """
    extends: \(PipelineProcess.pipelines.path)/demo.yaml
    name: small
    stages:
      heads.with: { count: 4, size: 64, gaussians: 2000 }
      photos.with: { size: 64 }
      split.with: { validation: 0.5 }
    targets: [lr]
    """

  @Test func secondRunDoesNothingAndSaysSo() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.small, to: "small.yaml")
    let first = try process.run("run", "small.yaml")
    #expect(first.code == 0, "\(first.errors)")
    let second = try process.run("run", "small.yaml")
    #expect(second.code == 0)
    #expect(!second.errors.contains("start "), "\(second.errors)")
    #expect(second.errors.contains("Nothing to do"), "\(second.errors)")
  }

  @Test func dryRunNamesWhatAChangedParameterInvalidates() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.small, to: "small.yaml")
    try #require(try process.run("run", "small.yaml").code == 0)
    let plan = try process.run("run", "small.yaml", "--set", "lr.with.noise=0.05", "--dry-run").output
    let running = plan.split(separator: "\n").filter { $0.hasPrefix("run ") }
    #expect(running.count == 5, "five degradations and nothing else:\n\(plan)")
    #expect(plan.contains("parameters.noise: 0.02 -> 0.05"), "\(plan)")
  }

  @Test func allErrorsOfAFileAtOnceWithPlaceAndHelp() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(
      """
      version: 1
      name: broken
      stages:
        photos:
          uses: images.colect
          with: { size: 512 }
        maps:
          uses: maps.normalize
          inputs: { renders: photo.images }
      """, to: "broken.yaml")
    let result = try process.run("run", "broken.yaml")
    #expect(result.code == 2)
    #expect(result.errors.contains("broken.yaml:5:11: error:"), "\(result.errors)")
    #expect(result.errors.contains("did you mean `images.collect`?"), "\(result.errors)")
    #expect(result.errors.contains("broken.yaml:9:"), "\(result.errors)")
    #expect(result.output.isEmpty, "errors go to standard error")
  }

  @Test func unknownCommandsAndModelsAreExplained() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let unknown = try process.run("rum")
    #expect(unknown.code == 2)
    #expect(unknown.errors.contains("did you mean `run`?"), "\(unknown.errors)")
    let model = try process.run("upscale", "nowhere", "depth.png", "-o", "out")
    #expect(model.code == 1)
    #expect(model.errors.contains("nowhere") && model.errors.contains("model.json"), "\(model.errors)")
  }
}
