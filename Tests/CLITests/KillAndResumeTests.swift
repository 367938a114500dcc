import Foundation
import Testing

/// `kill -9` of the runner or of the worker in the middle of training, then the same command: the weights are those of a
/// run that was never disturbed, bit for bit.
@Suite(.serialized) struct KillAndResumeTests {
  static let specification = """
    extends: \(PipelineProcess.pipelines.path)/demo.yaml
    name: kill
    vars: { base_channels: 4, cross_epochs: 60 }
    stages:
      heads.with: { count: 8, size: 64, gaussians: 4000 }
      photos.with: { size: 64 }
      train.matrix: { kind: [render_q8] }
      split.with: { validation: 0.3 }
    targets: [train]
    """

  enum Victim: String, CaseIterable { case runner, worker }

  static let weights = "outputs/kill/train@render_q8/model/weights.safetensors"

  private func undisturbed() throws -> Data {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.specification, to: "kill.yaml")
    let result = try process.run("run", "kill.yaml")
    try #require(result.code == 0, "\(result.errors)")
    return try #require(process.contents(Self.weights))
  }

  @Test func trainedWeightsAreTheSameAfterAnyKill() throws {
    let expected = try undisturbed()
    for victim in Victim.allCases {
      let process = try PipelineProcess()
      defer { process.remove() }
      try process.write(Self.specification, to: "kill.yaml")
      var kills = 0
      var reached = 0
      // Each attempt gets a little further than the one before, so that it ends.
      while kills < 3 {
        let run = try process.start("run", "kill.yaml")
        var steps = 0
        while run.isRunning && steps < reached + 20 {
          usleep(5_000)
          steps = process.trainingSteps()
        }
        guard run.isRunning else { break }
        switch victim {
        case .runner: kill(run.processIdentifier, SIGKILL)
        case .worker: for worker in PipelineProcess.workers(of: run.processIdentifier) { kill(worker, SIGKILL) }
        }
        run.waitUntilExit()
        #expect(run.terminationStatus != 0, "a killed run does not claim success")
        kills += 1
        reached = steps
      }
      #expect(kills > 0, "training was over before anything could be killed")
      let result = try process.run("run", "kill.yaml")
      #expect(result.code == 0, "after killing the \(victim.rawValue): \(result.errors)")
      #expect(
        process.contents(Self.weights) == expected, "other weights after killing the \(victim.rawValue) \(kills) times")
      let logs = try process.run("logs", "train@render_q8").output
      #expect(logs.contains("resumed after epoch"), "training began anew instead of resuming:\n\(logs)")
      #expect(try process.run("cache", "verify").code == 0)
    }
  }
}
